//! The virtual addresses of three real nodes, IPv4 and IPv6: who takes them away or breaks what
//! guards them, and clients that say nothing. The other faults are in `cluster.test.ts`.

import { afterAll, expect, test } from 'vitest'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LanHost } from '../harness/lan.ts'
import { goOn, pause } from '../cluster/live/faults.ts'
import type { Trio, Node } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const LIVE = join(import.meta.dirname, '..', 'cluster', 'live')
const FOUR = '10.9.0.100'
const SIX = 'fd00:9::100'
const IDLE = 300
const TIMEOUT_MS = 90_000

let trio: Trio
let six: Heard
let four: Heard
/** Knows of the addresses what it is told, and never asks. */
let neighbour: LanHost

type Heard = { readonly child: ChildProcess; readonly times: number[] }

threeNodes(
  TIMEOUT_MS,
  (started) => {
    trio = started
    neighbour = trio.lan.host('neighbour', 190)
    trio.client.run('ip', 'addr', 'add', 'fd00:9::200/64', 'dev', 'eth0', 'nodad')
    four = probe(trio.client, FOUR, trio.client.address)
    six = probe(trio.client, SIX, 'fd00:9::200')
  },
  `${FOUR}/24,${SIX}/64`,
)

afterAll(async () => {
  if (!can) return
  for (const { child } of [four, six]) child.kill()
})

function probe(from: LanHost, to: string, own: string): Heard {
  const child = from.spawn(process.execPath, join(LIVE, 'prober.ts'), to, own, '10')
  const times: number[] = []
  child.stdout?.on('data', (piece: Buffer) => {
    for (const line of piece.toString().split('\n')) {
      const [, answered] = line.split(' ').map(Number)
      if (answered !== undefined && answered > 0) times.push(answered)
    }
  })
  return { child, times }
}

/** Milliseconds without an answer, at most, since `from`. */
function gap({ times }: Heard, from: number): number {
  const since = times.filter((at) => at > from - 100)
  return Math.round(Math.max(...since.slice(1).map((at, place) => at - (since[place] ?? at))))
}

const answers = async (heard: Heard): Promise<void> => {
  const before = heard.times.length
  await trio.until('the address answers', () => Promise.resolve(heard.times.length > before + 5))
}

type Fault = {
  readonly name: string
  readonly strike: (leader: Node) => void
  readonly mend?: (leader: Node) => void | Promise<void>
  readonly moves: boolean
}

const FAULTS: readonly Fault[] = [
  {
    name: 'both addresses are taken away by hand',
    strike: ({ host }) => {
      host.run('ip', 'addr', 'del', `${FOUR}/32`, 'dev', 'eth0')
      host.run('ip', 'addr', 'del', `${SIX}/64`, 'dev', 'eth0')
    },
    moves: false,
  },
  {
    name: 'its interface goes down',
    strike: ({ host }) => void host.run('ip', 'link', 'set', 'eth0', 'down'),
    mend: ({ host }) => void host.run('ip', 'link', 'set', 'eth0', 'up'),
    moves: true,
  },
  {
    name: 'its firewall is made anew',
    strike: ({ host }) => void host.run('nft', 'flush', 'ruleset'),
    moves: true,
  },
  {
    name: 'its process is killed',
    strike: (leader) => leader.signal('SIGKILL'),
    mend: async (leader) => {
      await leader.stopped()
      leader.start()
    },
    moves: true,
  },
]

test.skipIf(!can).each(FAULTS)('$name', { timeout: TIMEOUT_MS }, async (fault) => {
  const leader = await trio.leader()
  const from = Date.now()
  fault.strike(leader)
  if (fault.moves)
    await trio.until('another node leads', async () => (await trio.leader()) !== leader)
  await answers(four)
  await answers(six)
  await fault.mend?.(leader)
  await trio.whole()
  if (!fault.moves) expect(await trio.leader()).toBe(leader)
  console.log(`${fault.name}: no answer for ${gap(four, from)} ms, IPv6 ${gap(six, from)} ms`)
})

test.skipIf(!can)('all firewalls are made anew at once', { timeout: TIMEOUT_MS }, async () => {
  const from = Date.now()
  for (const { host } of trio.nodes) host.run('nft', 'flush', 'ruleset')
  await sleep(500)
  await answers(four)
  await answers(six)
  await trio.whole()
  // Shut on who does not serve, open on who does.
  const leader = await trio.leader()
  for (const { host } of trio.nodes.filter((node) => node === leader))
    expect(host.run('nft', 'list', 'set', 'ip6', 'pbx_vip', 'lease')).toContain(SIX)
  console.log(`all firewalls: no answer for ${gap(four, from)} ms, IPv6 ${gap(six, from)} ms`)
})

test.skipIf(!can).each([FOUR, SIX])(
  'idle clients at %s notice that their node is gone',
  { timeout: TIMEOUT_MS },
  async (address) => {
    const program = join(LIVE, 'idle-clients.ts')
    const child = trio.client.spawn(process.execPath, program, address, String(IDLE))
    const said = { up: 0, lost: 0 }
    child.stdout?.on('data', (piece: Buffer) => {
      said.up += piece.toString().match(/up/g)?.length ?? 0
      said.lost += piece.toString().match(/lost/g)?.length ?? 0
    })
    await trio.until('all clients are up', () => Promise.resolve(said.up >= IDLE))
    await sleep(1_000)
    const leader = await trio.leader()
    const from = Date.now()
    // Nothing that its kernel says about the connections is heard any more.
    leader.host.cut()
    await trio.until('all have noticed', () => Promise.resolve(said.lost >= IDLE))
    const lost = Date.now() - from
    await trio.until('all are back', () => Promise.resolve(said.up >= 2 * IDLE))
    console.log(
      `${IDLE} idle clients: noticed after ${lost} ms, back after ${Date.now() - from} ms`,
    )
    leader.host.mend()
    await trio.whole()
    // Its kernel is still about to close what they had there, from the same ports.
    const id = `node-${trio.nodes.indexOf(leader) + 1}`
    ;(await trio.leader()).pbx('transfer-leadership', '--to', id)
    await trio.until('all have noticed again', () => Promise.resolve(said.lost >= 2 * IDLE))
    child.kill()
  },
)

/** `who` takes both addresses to be at this node. */
function mistake({ host }: Node, who = neighbour): void {
  for (const address of [FOUR, SIX]) {
    const entry = [address, 'lladdr', host.mac, 'dev', 'eth0', 'nud', 'stale']
    who.run('ip', 'neigh', 'replace', ...entry)
  }
}

/** Where `who` takes them to be, by the names of the nodes. */
function taken(who = neighbour): readonly string[] {
  return [FOUR, SIX].map((address) => {
    const known = who.run('ip', 'neigh', 'show', address, 'dev', 'eth0')
    const at = trio.nodes.find(({ host }) => known.includes(host.mac))
    return at?.host.name ?? `nowhere: ${known}`
  })
}

const isAt = ({ host }: Node, who = neighbour): boolean =>
  taken(who).every((name) => name === host.name)

test.skipIf(!can)('a neighbour that is wrong is put right', { timeout: TIMEOUT_MS }, async () => {
  const leader = await trio.leader()
  const [other, standby] = trio.nodes.filter((node) => node !== leader)
  if (other === undefined || standby === undefined) throw new Error('there are three')
  // What it announces when it is elected has been announced.
  await sleep(5_000)
  const from = Date.now()
  mistake(other)
  mistake(other, standby.host)
  expect([isAt(other), isAt(other, standby.host)]).toEqual([true, true])
  await trio.until('both are right', () => isAt(leader) && isAt(leader, standby.host))
  console.log(`a neighbour was wrong for ${Date.now() - from} ms`)
})

const statusOf = ({ host, data, main }: Node): string =>
  host.run('sh', '-c', '"$@" || true', 'sh', process.execPath, main, 'status', '--data', data)

test.skipIf(!can)('a host that has them as well is told of', { timeout: TIMEOUT_MS }, async () => {
  const leader = await trio.leader()
  // None of what was struck before was one.
  expect(trio.nodes.filter(({ output }) => output.includes('vip.conflict'))).toEqual([])
  for (const address of [FOUR, SIX])
    neighbour.run('ip', 'addr', 'add', address, 'dev', 'eth0', 'nodad')
  const told = (address: string): string => `${neighbour.mac} has ${address} as well`
  const all = `virtual address: ${told(FOUR)}; ${told(SIX)}: take it from that host`
  await trio.until('its status says so', () => statusOf(leader).includes(all))
  await trio.until('its log does', () => leader.output.includes('"vip.conflict"'))
  for (const address of [FOUR, SIX]) neighbour.run('ip', 'addr', 'del', address, 'dev', 'eth0')
  await trio.until('all is well again', () => statusOf(leader).includes('health      ok'))
  await trio.whole()
})

test.skipIf(!can)(
  'who is stopped while it announces says nothing when it goes on',
  { timeout: TIMEOUT_MS },
  async () => {
    const before = await trio.leader()
    const others = trio.nodes.filter((node) => node !== before)
    mistake(before)
    before.pbx('transfer-leadership')
    let stopped: Node | undefined
    await trio.until(
      'another announces',
      () => (stopped = others.find((node) => isAt(node))) !== undefined,
    )
    if (stopped === undefined) throw new Error('told above')
    const { name } = stopped.host
    pause(stopped)
    await trio.until('yet another announces', () => !taken().includes(name))
    // And has announced all that it does at first.
    await sleep(5_000)
    const right = taken()
    goOn(stopped)
    for (let at = 0; at < 20; at++) {
      await sleep(50)
      expect({ at, name, taken: taken() }).toEqual({ at, name, taken: right })
    }
    await trio.whole()
  },
)
