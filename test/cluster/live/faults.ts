//! What befalls a node, and how it is undone.

import type { LanHost } from '../../harness/lan.ts'
import type { Disk } from './disk.ts'
import type { Node, Trio } from './trio.ts'

/** The longest a sync took on disks that had trouble and said nothing. */
const SLOW_SYNC_MS = 500
/** From an hour on a node leaves serving to others, after some seconds. */
const CLOCK_JUMP_MS = 59 * 60_000
const FAR_JUMP_MS = 86_400_000

/** Where faults happen. */
export type Arena = {
  readonly trio: Trio
  readonly diskOf: (node: Node) => Disk
  /** What the switch does not pass on, by who asked for it: one fault's mend is not another's. */
  readonly blocks: Map<string, readonly Way[]>
}
type Way = readonly [from: readonly LanHost[], to: readonly LanHost[]]

export type Fault = {
  readonly name: string
  readonly strike: (arena: Arena, node: Node) => void | Promise<void>
  readonly mend?: (arena: Arena, node: Node) => void | Promise<void>
  /** At least, before it is undone; `LASTS_MS` when left out. */
  readonly lastsMs?: number
  /** Nobody can serve before it is undone. */
  readonly endsService?: true
  /** Befalls a media server, too. */
  readonly onMedia?: true
  /** Makes sense of who leads only. */
  readonly leaderOnly?: true
  /** Wants `host.c`. */
  readonly needs?: 'bad host'
  /** When it befalls the leader: somebody else serves afterwards. */
  readonly moves: boolean
  /** What the node logs when it meets it: alone, it is not undone before. */
  readonly logs?: RegExp
}

export const FAULTS: readonly Fault[] = [
  // It is started again at once, as by systemd.
  { name: 'kill', strike: (_, node) => node.signal('SIGKILL'), onMedia: true, moves: true },
  { name: 'power', strike: cutPower, mend: restorePower, onMedia: true, moves: true },
  {
    name: 'blackout',
    async strike(arena) {
      await Promise.all(arena.trio.nodes.map((node) => cutPower(arena, node)))
    },
    mend: (arena) => {
      for (const node of arena.trio.nodes) restorePower(arena, node)
    },
    leaderOnly: true,
    endsService: true,
    moves: false,
  },
  {
    name: 'stop',
    async strike(_, node) {
      node.supervise(false)
      node.signal('SIGTERM')
      await node.stopped()
    },
    mend: (_, node) => restart(node),
    moves: true,
  },
  {
    name: 'pause',
    strike: (_, node) => pause(node),
    mend: (_, node) => goOn(node),
    onMedia: true,
    moves: true,
  },
  // Behind the cable there is still the client that hears this node only.
  { ...cut('cable', 'both', ({ trio }, node) => away(trio, trio.side(node)), true), onMedia: true },
  cut('mute', 'out', ({ trio }, node) => away(trio, trio.side(node)), true),
  cut('deaf', 'in', ({ trio }, node) => away(trio, trio.side(node)), true),
  // Nodes lose each other, and every client still reaches every node.
  cut('partition', 'both', ({ trio }, node) => others(trio, node), true),
  cut('partial', 'both', ({ trio }, node) => others(trio, node).slice(0, 1), false),
  {
    name: 'interface',
    strike: (_, node) => void node.host.run('ip', 'link', 'set', 'eth0', 'down'),
    mend: (_, node) => void node.host.run('ip', 'link', 'set', 'eth0', 'up'),
    moves: true,
  },
  {
    name: 'address',
    strike: ({ trio }, node) =>
      void node.host.run('ip', 'addr', 'del', `${trio.vip}/32`, 'dev', 'eth0'),
    leaderOnly: true,
    moves: false,
  },
  { name: 'clock-on', ...clock(CLOCK_JUMP_MS) },
  { name: 'clock-back', ...clock(-CLOCK_JUMP_MS) },
  { name: 'clock-far', ...clock(FAR_JUMP_MS), lastsMs: 10_000, moves: true },
  // Whoever serves next is ahead.
  {
    name: 'clock-others',
    strike: ({ trio }, node) => jumpOthers(trio, node, CLOCK_JUMP_MS),
    mend: ({ trio }, node) => jumpOthers(trio, node, 0),
    needs: 'bad host',
    leaderOnly: true,
    moves: false,
  },
  {
    name: 'full-disk',
    strike: ({ diskOf }, node) => diskOf(node).fill(),
    mend: ({ diskOf }, node) => diskOf(node).empty(),
    // Files that have room within go on for a time: it ends with the first that has to grow.
    lastsMs: 20_000,
    moves: true,
    logs: /"code":"disk-full"/,
  },
  {
    name: 'slow-disk',
    strike: (_, node) => node.bad?.slowDisk(SLOW_SYNC_MS),
    mend: (_, node) => node.bad?.slowDisk(0),
    needs: 'bad host',
    moves: true,
  },
  {
    name: 'transfer',
    strike: (_, node) => void node.pbx('transfer-leadership'),
    leaderOnly: true,
    moves: true,
  },
]

function clock(aheadMs: number): Omit<Fault, 'name'> {
  return {
    strike: (_, node) => node.bad?.jumpClock(aheadMs),
    mend: (_, node) => node.bad?.jumpClock(0),
    needs: 'bad host',
    moves: false,
  }
}

function jumpOthers({ nodes }: Trio, node: Node, aheadMs: number): void {
  for (const each of nodes) if (each !== node) each.bad?.jumpClock(aheadMs)
}

function cut(
  name: string,
  direction: 'both' | 'out' | 'in',
  farOf: (arena: Arena, node: Node) => readonly LanHost[],
  moves: boolean,
): Fault {
  return {
    name,
    strike(arena, node) {
      const far = farOf(arena, node)
      const near = name === 'partition' || name === 'partial' ? [node.host] : arena.trio.side(node)
      const out: Way = [near, far]
      const into: Way = [far, near]
      const ways = direction === 'both' ? [out, into] : direction === 'out' ? [out] : [into]
      arena.blocks.set(`${name} ${node.host.name}`, ways)
      block(arena)
    },
    mend(arena, node) {
      arena.blocks.delete(`${name} ${node.host.name}`)
      block(arena)
    },
    moves,
  }
}

function block({ trio, blocks }: Arena): void {
  trio.lan.unblock()
  for (const [from, to] of [...blocks.values()].flat()) trio.lan.block(from, to)
}

function away(trio: Trio, side: readonly LanHost[]): readonly LanHost[] {
  return trio.lan.hosts.filter((host) => !side.includes(host))
}

function others(trio: Trio, node: Node): readonly LanHost[] {
  return trio.nodes.map(({ host }) => host).filter((host) => host !== node.host)
}

/**
 * Its link is gone before anything else, so that nobody hears its processes die; these are killed,
 * unsynced writes are undone, and what only its kernel knew (address, gate) is forgotten. Shows
 * what is on a disk that keeps nothing but what was synced; names of files count as synced at once,
 * and no write is torn within itself. Its kernel's TCP connections outlive it: they end with FIN
 * where those of a host that came up again would end with RST.
 */
async function cutPower(arena: Arena, node: Node): Promise<void> {
  const { trio, blocks } = arena
  const far = away(trio, [node.host])
  blocks.set(`power ${node.host.name}`, [
    [[node.host], far],
    [far, [node.host]],
  ])
  block(arena)
  node.supervise(false)
  for (const pid of node.host.processes) signal(pid, 'SIGKILL')
  await node.stopped()
  node.bad?.loseUnsynced()
  node.host.run('nft', 'flush ruleset')
  node.host.run('sh', '-c', `ip addr del ${trio.vip}/32 dev eth0 2>&1 || true`)
}

function restorePower(arena: Arena, node: Node): void {
  arena.blocks.delete(`power ${node.host.name}`)
  block(arena)
  restart(node)
}

function restart(node: Node): void {
  node.supervise()
  if (!node.isRunning) node.start()
}

/** With its helpers, as a hypervisor stops a host. */
export function pause({ host }: Node): void {
  for (const pid of host.processes) signal(pid, 'SIGSTOP')
}

export function goOn({ host }: Node): void {
  for (const pid of host.processes) signal(pid, 'SIGCONT')
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    // Ended by itself since it was listed.
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ESRCH') throw error
  }
}
