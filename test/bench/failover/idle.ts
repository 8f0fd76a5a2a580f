//! Thousands of registered TCP and TLS clients that say nothing: the node that serves is killed, or
//! cut off; how long until they have connected and registered again at the next one.

import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChildProcess } from 'node:child_process'
import { Trio } from '../../cluster/live/trio.ts'
import type { LanHost } from '../../harness/lan.ts'
import { CABLE, KILLED, type Fault } from './faults.ts'
import type { Result, Timing } from './results.ts'

const TRANSPORTS = ['tcp', 'tls'] as const
/** Of a network of their own, as phones of many small offices: 10.9.1.1 and on. */
const ADDRESSES = 200
const NETWORK = '10.9.1'
const SHARES = [0.5, 0.95, 1] as const
const UP_PATIENCE_MS = 300_000
const BACK_PATIENCE_MS = 120_000
const LOOK_MS = 5_000
/** Idle for so long: who connects in the moment before the fault may be unknown to the others. */
const SETTLE_MS = 2_000

type Measured = Pick<Result, 'fault' | 'measure' | 'gaps'>

/** `count` clients, one half over TCP and the other over TLS. */
export async function idleClients(timing: Timing, count: number): Promise<readonly Measured[]> {
  const trio = await Trio.start(timing)
  try {
    await trio.provision(count)
    const host = trio.lan.host('phones', 150)
    giveAddresses(trio, host)
    const clients = new IdleClients(trio, host, count)
    await trio.until('all are registered', () => clients.tell('up') === count, UP_PATIENCE_MS)
    const measured: Measured[] = []
    for (const fault of [KILLED, CABLE]) measured.push(...(await comeBack(trio, clients, fault)))
    await clients.stop()
    return measured
  } finally {
    await trio.stop()
  }
}

async function comeBack(
  trio: Trio,
  clients: IdleClients,
  fault: Fault,
): Promise<readonly Measured[]> {
  await trio.whole()
  await sleep(SETTLE_MS)
  const leader = await trio.leader()
  const struck = clients.begin()
  fault.strike(leader)
  const deadline = struck + BACK_PATIENCE_MS
  const isOver = (): boolean => clients.tell('back') === clients.count || Date.now() > deadline
  await trio.until(`all are back: ${fault.name}`, isOver, 2 * BACK_PATIENCE_MS)
  await fault.mend(leader)
  return TRANSPORTS.flatMap((transport) => {
    const { all, back } = clients.times(transport)
    return SHARES.map((share) => ({
      fault: fault.name,
      measure: `${transport} ${share * 100} %`,
      gaps: [(back[Math.ceil(all * share) - 1] ?? Infinity) - struck],
    }))
  })
}

function giveAddresses(trio: Trio, host: LanHost): void {
  const script = `for n in $(seq ${ADDRESSES}); do ip addr add ${NETWORK}.$n/32 dev eth0; done`
  host.run('sh', '-c', script)
  for (const node of trio.nodes)
    node.host.run('ip', 'route', 'add', `${NETWORK}.0/24`, 'dev', 'eth0')
}

class IdleClients {
  readonly count: number
  readonly #children: readonly ChildProcess[]
  readonly #up = new Set<number>()
  /** When each was registered again, since the fault. */
  readonly #back = new Map<number, number>()
  readonly #lost = new Set<number>()
  #told = 0

  constructor(trio: Trio, host: LanHost, count: number) {
    this.count = count
    const each = count / TRANSPORTS.length
    const addresses = Array.from({ length: ADDRESSES }, (_, place) => `${NETWORK}.${place + 1}`)
    this.#children = TRANSPORTS.map((transport, place) => {
      const program = join(import.meta.dirname, 'idle-client.ts')
      const which = [transport, String(place * each), String(each), addresses.join()]
      const child = host.spawn(process.execPath, program, trio.vip, ...which)
      child.stderr?.on('data', (piece: Buffer) => process.stderr.write(piece))
      if (child.stdout !== null)
        createInterface({ input: child.stdout }).on('line', (line) => this.#take(line))
      return child
    })
  }

  /** Of a fault; when it was. */
  begin(): number {
    this.#back.clear()
    this.#lost.clear()
    return Date.now()
  }

  /** How many, told now and then. */
  tell(what: 'up' | 'back'): number {
    const count = what === 'up' ? this.#up.size : this.#back.size
    if (Date.now() - this.#told > LOOK_MS) {
      this.#told = Date.now()
      console.log(`  ${count} of ${this.count} are ${what}, ${this.#lost.size} have lost theirs`)
    }
    return count
  }

  times(transport: (typeof TRANSPORTS)[number]): { all: number; back: readonly number[] } {
    const all = this.count / TRANSPORTS.length
    const first = TRANSPORTS.indexOf(transport) * all
    const own = [...this.#back].filter(([user]) => user >= first && user < first + all)
    return { all, back: own.map(([, at]) => at).toSorted((a, b) => a - b) }
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      const ended = once(child, 'close')
      child.kill('SIGTERM')
      await ended
    }
  }

  #take(line: string): void {
    const [what, number, at] = line.split(' ')
    const user = Number(number)
    if (what === 'up') {
      this.#up.add(user)
      if (this.#lost.has(user)) this.#back.set(user, Number(at))
    } else {
      this.#up.delete(user)
      this.#back.delete(user)
      this.#lost.add(user)
    }
  }
}
