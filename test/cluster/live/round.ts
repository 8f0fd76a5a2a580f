//! One fault after another, and what must hold after each: one owner of the address at a time, a
//! history of the API that is linearizable, service and nodes back by themselves, equal states,
//! phones that hear each other.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { brokenKeys } from '../linear/entry.ts'
import { BadHost, buildBadHost } from './bad-host.ts'
import { Clients } from './clients.ts'
import { mountDisk, type Disk } from './disk.ts'
import { goOn, type Arena } from './faults.ts'
import { Load } from './load.ts'
import { leadersOf, secondOwner } from './owners.ts'
import type { Blow, Trial } from './plan.ts'
import { differences, stateOf } from './state.ts'
import { Talk } from './talk.ts'
import { Trio, type Node } from './trio.ts'

const PROBE_MS = 20
/** Of history before anything happens. */
const CALM_MS = 1_000
const LASTS_MS = 4_000
/** Bounds that a busy machine stays far below. */
const SERVED_WITHIN_MS = 15_000
const SERVED_AFTER_MS = 30_000
const WHOLE_WITHIN_MS = 60_000
const FIT_WITHIN_MS = 90_000
const EQUAL_WITHIN_MS = 15_000
const HEARD_WITHIN_MS = 15_000
/** A write-ahead log of 64 MB, and what the load writes. */
const MET_WITHIN_MS = 60_000
const RATE_MIN = 200
/** With the last bytes of their addresses. */
const MEDIA_SERVERS = [
  ['media-1', 31],
  ['media-2', 32],
] as const

export type Outcome = { readonly told: string; readonly wrong: readonly string[] }

/** A fault that has struck, and whom; `logged` is how much that had logged by then. */
type Struck = { readonly blow: Blow; readonly node: Node; readonly logged: number }

export class Rounds {
  readonly directory: string
  readonly #library: string | undefined
  readonly #arena: Arena
  readonly #disks: ReadonlyMap<Node, Disk>
  readonly #talks: Talk[] = []
  readonly #servers: Node[] = []
  #load: Load | undefined
  #asked = { operations: 0, seconds: 0 }

  private constructor(parts: {
    readonly directory: string
    readonly library: string | undefined
    readonly trio: Trio
    readonly disks: ReadonlyMap<Node, Disk>
  }) {
    const { directory, library, trio, disks } = parts
    this.directory = directory
    this.#library = library
    this.#disks = disks
    const diskOf = (node: Node): Disk => {
      const disk = disks.get(node)
      if (disk === undefined) throw new Error('each node has its disk')
      return disk
    }
    this.#arena = { trio, diskOf, blocks: new Map() }
  }

  static async begin(timing: 'default' | 'fast'): Promise<Rounds> {
    const directory = mkdtempSync(join(tmpdir(), 'pbx-faults-'))
    const library = buildBadHost(directory)
    const byName = new Map<string, Disk>()
    const trio = await Trio.start(timing, undefined, (name, data) => {
      byName.set(name, mountDisk(data))
      return library === undefined
        ? undefined
        : new BadHost(library, join(directory, `${name}-faults`), data)
    })
    const disks = new Map(
      trio.nodes.flatMap((node) => {
        const disk = byName.get(node.host.name)
        return disk === undefined ? [] : [[node, disk] as const]
      }),
    )
    for (const node of trio.nodes) node.supervise()
    trio.probe(PROBE_MS)
    const rounds = new Rounds({ directory, library, trio, disks })
    const udp = { numbers: ['801', '802'], hosts: [21, 22], transport: 'udp' } as const
    const tcp = { numbers: ['803', '804'], hosts: [23, 24], transport: 'tcp' } as const
    for (const [name, last] of MEDIA_SERVERS) {
      const server = await trio.addMediaServer(name, last)
      server.supervise()
      rounds.#servers.push(server)
    }
    // Registering takes a leader that stays, which the coming of the third node may cost.
    await trio.whole(WHOLE_WITHIN_MS)
    await sleep(CALM_MS)
    rounds.#load = await Load.begin(trio, directory)
    for (const options of [udp, tcp]) rounds.#talks.push(await Talk.begin(trio, options))
    return rounds
  }

  /** What it cannot do here; undefined when it can. */
  lacks({ blows }: Trial): string | undefined {
    const wantsBadHost = blows.some(({ fault }) => fault.needs === 'bad host')
    return wantsBadHost && this.#library === undefined ? 'it needs a C compiler' : undefined
  }

  async run(trial: Trial, place: number): Promise<Outcome> {
    const { trio } = this.#arena
    const clients = new Clients(trio, `k${place}x`)
    const began = now()
    const wrong: string[] = []
    const guard = async (what: () => void | Promise<void>): Promise<void> => {
      try {
        await what()
      } catch (error) {
        wrong.push(error instanceof Error ? error.message : String(error))
      }
    }
    const struck: Struck[] = []
    let figures: readonly string[] = []
    await guard(async () => {
      await sleep(CALM_MS)
      const at = await this.#strike(trial, struck)
      const isServed = trial.blows.length === 1 && trial.blows[0]?.fault.endsService !== true
      if (isServed) await this.#met(struck)
      if (isServed) await this.#servedSince(clients, now(), SERVED_WITHIN_MS)
      const lasts = Math.max(LASTS_MS, ...trial.blows.map(({ fault }) => fault.lastsMs ?? 0))
      await sleep(Math.max(0, at + lasts - now()))
      if (isServed) wrong.push(...(await this.#misplaced(struck)))
      const mended = now()
      await this.#mend(trial, struck)
      await this.#servedSince(clients, mended, SERVED_AFTER_MS)
      await trio.whole(WHOLE_WITHIN_MS)
      await trio.until('media servers are back', () => this.#hasMedia(), WHOLE_WITHIN_MS)
      const whole = now()
      await this.#registered(wrong)
      await sleep(CALM_MS)
      await trio.fit(FIT_WITHIN_MS)
      figures = [this.#path(began), ...this.#figures(clients, { began, at, mended, whole })]
    })
    const history = await clients.end().catch((error: unknown) => {
      wrong.push(String(error))
      return []
    })
    await guard(() => this.#onlyOneOwner(began, wrong))
    wrong.push(...brokenKeys(history))
    await guard(() => this.#equal(wrong))
    for (const talk of this.#talks) await guard(() => this.#talking(talk))
    const unknown = history.filter(({ output }) => output === undefined).length
    return {
      told: [...figures, `${history.length} operations, ${unknown} unknown`].join(', '),
      wrong,
    }
  }

  /** After a trial that failed: everything undone, so that the next one begins well. */
  async recover(): Promise<boolean> {
    const { trio, blocks } = this.#arena
    blocks.clear()
    trio.lan.unblock()
    for (const node of [...trio.nodes, ...this.#servers]) {
      goOn(node)
      node.host.run('ip', 'link', 'set', 'eth0', 'up')
      this.#disks.get(node)?.empty()
      node.bad?.slowDisk(0)
      node.bad?.jumpClock(0)
      node.supervise()
      if (!node.isRunning) node.start()
    }
    return Promise.all([trio.whole(WHOLE_WITHIN_MS), trio.fit(FIT_WITHIN_MS)]).then(
      () => true,
      () => false,
    )
  }

  /** What is counted over all of it, by name. */
  async atTheEnd(): Promise<readonly (readonly [string, readonly string[]])[]> {
    const { trio } = this.#arena
    const load = this.#load
    if (load === undefined) throw new Error('it has begun')
    for (const talk of this.#talks) await talk.end().catch(() => {})
    const { answered, over, wrong } = await load.end(() => trio.allCdrs())
    const rate = this.#asked.operations / Math.max(1, this.#asked.seconds)
    return [
      [`${answered} calls of SIPp answered, ${over} hung up: each has one record`, wrong],
      [
        `${rate.toFixed(0)} operations a second`,
        rate >= RATE_MIN ? [] : [`fewer than ${RATE_MIN}: this machine is too busy to show much`],
      ],
    ]
  }

  async stop(keep: boolean): Promise<void> {
    const { trio } = this.#arena
    for (const talk of this.#talks) await talk.stop().catch(() => {})
    for (const { host, output } of [...trio.nodes, ...this.#servers])
      writeFileSync(join(this.directory, `${host.name}.log`), output)
    await trio.stop(() => {
      for (const disk of this.#disks.values()) disk.remove()
    })
    if (!keep) rmSync(this.directory, { recursive: true })
  }

  /** When the last blow fell. */
  async #strike({ blows }: Trial, struck: Struck[]): Promise<number> {
    let at = now()
    for (const blow of blows) {
      await sleep(blow.afterMs)
      const node = await this.#victim(blow, struck)
      at = now()
      struck.push({ blow, node, logged: node.output.length })
      await blow.fault.strike(this.#arena, node)
    }
    return at
  }

  async #hasMedia(): Promise<boolean> {
    const servers = await this.#arena.trio.servers()
    const online = servers.filter(({ state }) => state === 'online')
    return online.length === MEDIA_SERVERS.length
  }

  async #victim({ victim }: Blow, struck: readonly Struck[]): Promise<Node> {
    const { trio } = this.#arena
    const first = struck[0]?.node
    const spared = trio.nodes.filter((node) => node !== first)
    const place = now() % spared.length
    const other = spared[Math.floor(place)] ?? spared[0]
    switch (victim) {
      case 'leader':
        return trio.leader()
      case 'follower': {
        const leader = await trio.leader()
        return trio.nodes.filter((node) => node !== leader)[Math.floor(now()) % 2] ?? leader
      }
      case 'media': {
        const server = this.#servers[Math.floor(now()) % this.#servers.length]
        if (server !== undefined) return server
        break
      }
      case 'same':
        if (first !== undefined) return first
        break
      case 'other':
        if (other !== undefined) return other
        break
      case 'successor': {
        // Nobody may serve yet: then it is one of those who will.
        const id = (await trio.serving())?.cluster?.node
        const found = trio.nodes.find((_, place) => `node-${place + 1}` === id)
        if (found !== undefined || other !== undefined) return found ?? other ?? trio.leader()
      }
    }
    throw new Error('the first fault has a victim')
  }

  async #mend({ mendLastFirst }: Trial, struck: readonly Struck[]): Promise<void> {
    for (const { blow, node } of mendLastFirst ? struck.toReversed() : struck)
      await blow.fault.mend?.(this.#arena, node)
  }

  async #servedSince(clients: Clients, time: number, within: number): Promise<void> {
    await this.#arena.trio.until('the API answers', () => clients.isServedSince(time), within)
  }

  async #met(struck: readonly Struck[]): Promise<void> {
    for (const { blow, node, logged } of struck) {
      const { name, logs } = blow.fault
      if (logs === undefined) continue
      const hasMet = (): boolean => logs.test(node.output.slice(logged))
      await this.#arena.trio.until(`${node.host.name} meets ${name}`, hasMet, MET_WITHIN_MS)
    }
  }

  /** Whether the right node serves. */
  async #misplaced(struck: readonly Struck[]): Promise<readonly string[]> {
    const [only] = struck
    if (only?.blow.victim !== 'leader' || !only.blow.fault.moves) return []
    const leader = await this.#arena.trio.leader()
    return leader === only.node ? [`${leader.host.name} still serves`] : []
  }

  #onlyOneOwner(from: number, wrong: string[]): void {
    const { trio } = this.#arena
    const nameOf = (id: string): string => id.replace('node-', 'n')
    const logs = trio.nodes.map(({ output }) => output)
    const answers = trio.answers().filter(({ asked }) => asked >= from)
    if (answers.length === 0) wrong.push('nobody answered the clients that hear one node each')
    const second = secondOwner(answers, leadersOf(logs, nameOf))
    if (second !== undefined) wrong.push(second)
  }

  /** Who answered, one after the other. */
  #path(from: number): string {
    const nodes = this.#arena.trio
      .answers()
      .filter(({ asked }) => asked >= from)
      .map(({ node }) => node)
    return nodes.filter((node, place) => node !== nodes[place - 1]).join(' ')
  }

  async #equal(wrong: string[]): Promise<void> {
    const { trio } = this.#arena
    let found: readonly string[] = []
    const isSo = (): boolean => {
      found = differences(trio.nodes.map(({ data }) => stateOf(join(data, 'pbx.db'))))
      return found.length === 0
    }
    await trio.until('states are equal', isSo, EQUAL_WITHIN_MS).catch(() => {
      wrong.push(`states differ: ${found.join(', ')}`)
    })
  }

  /** Before phones come again by themselves. Those of SIPp do not, and run out some time. */
  async #registered(wrong: string[]): Promise<void> {
    const phones = this.#talks.length * 2
    const found = (await this.#arena.trio.serving())?.registrations ?? phones
    if (found < phones) wrong.push(`${found} registrations are left, of ${phones} phones at least`)
  }

  /** A call that was lost is told, and made anew for the next trial. */
  async #talking(talk: Talk): Promise<void> {
    try {
      await talk.heard(HEARD_WITHIN_MS)
    } catch {
      talk.hangUp()
      await sleep(CALM_MS)
      const again = await talk.dial().then(
        () => 'a new call went through',
        (error: unknown) => `a new one failed: ${String(error).split('\n')[0]}`,
      )
      throw new Error(`the call over ${talk.transport} is not heard both ways; ${again}`)
    }
  }

  #figures(
    clients: Clients,
    { began, at, mended, whole }: Record<'began' | 'at' | 'mended' | 'whole', number>,
  ): readonly string[] {
    const to = now()
    const rate = clients.rate(began + CALM_MS, to)
    const seconds = (to - began - CALM_MS) / 1_000
    this.#asked = {
      operations: this.#asked.operations + rate * seconds,
      seconds: this.#asked.seconds + seconds,
    }
    return [
      `no answer for ${clients.gap(at - CALM_MS / 2, to).toFixed(0)} ms`,
      `whole ${((whole - mended) / 1_000).toFixed(1)} s after`,
      `${rate.toFixed(0)} operations/s`,
    ]
  }
}

/** As workload.ts and prober.ts count. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
