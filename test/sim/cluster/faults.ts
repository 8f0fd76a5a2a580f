//! What goes wrong, and how often it did.

import { millis } from '../../../src/base/time.ts'
import type { NodeId } from '../../../src/raft/entry.ts'
import { members, type Membership } from '../../../src/raft/membership.ts'
import type { World } from '../../harness/world.ts'
import { FINE, type Group, type SimNode } from './group.ts'

const DOWN_MS = 3_000
const STOP_MS = 1_500
const APART_MS = 2_500
const SLOW_WAY_MS = 500
const SLOW_DISK_MS = 400
const STALLED_DISK_MS = 3_000
/** Of a disk that is well. */
export const SYNC_MS = 4

/** Names, and what each does to a group. */
export type Faults<G> = Readonly<Record<string, (group: G) => void>>
/** By name. */
export type FaultCounts = Record<string, number>

/**
 * What may happen in this world: some worlds know a few kinds only, often (swarm testing). What
 * needs three of the same in a row would never show where everything happens.
 */
export function kindsOf<G>({ random }: World, faults: Faults<G>): readonly string[] {
  const all = Object.keys(faults)
  const percent = [8, 16, 32, 100][random.below(4)] ?? 100
  const kinds = all.filter(() => random.chance(percent, 100))
  return kinds.length === 0 ? all : kinds
}

/** One of `kinds`, chosen by chance. */
export function strike<G extends Group>(
  group: G,
  faults: Faults<G>,
  kinds: readonly string[],
  counts: FaultCounts,
): void {
  const name = kinds[group.world.random.below(kinds.length)]
  if (name === undefined) return
  counts[name] = (counts[name] ?? 0) + 1
  faults[name]?.(group)
}

/** Everything works again; who was down is up. */
export function mend(group: Group): void {
  Object.assign(group.weather, FINE)
  group.cut.clear()
  group.slow.clear()
  for (const node of group.nodes) {
    node.syncMs = SYNC_MS
    if (node.status === undefined) node.start()
  }
}

/** Of processes, hosts, the network and disks that are slow. */
export const FAULTS = {
  crash(group: Group): void {
    down(group, group.pick(), DOWN_MS)
  },
  crashLeader(group: Group): void {
    down(group, group.leaders[0] ?? group.pick(), DOWN_MS)
  },
  /** Restarted at once: it may have promised something a moment ago. */
  restart(group: Group): void {
    down(group, group.pick(), 20)
  },
  /** Its gate stays open until it expires. */
  kill(group: Group): void {
    const node = group.leaders[0] ?? group.pick()
    node.kill()
    startLater(group, node, DOWN_MS)
  },
  crashAll(group: Group): void {
    for (const node of group.nodes) down(group, node, DOWN_MS)
  },
  stop(group: Group): void {
    group.pick().stop(millis(group.world.random.below(STOP_MS)))
  },
  stopLeader(group: Group): void {
    for (const leader of group.leaders) leader.stop(millis(group.world.random.below(STOP_MS)))
  },
  isolate(group: Group): void {
    const away = group.pick()
    apart(group, (from, to) => (from === away.id) !== (to === away.id))
  },
  isolateLeader(group: Group): void {
    const away = group.leaders[0] ?? group.pick()
    apart(group, (from, to) => (from === away.id) !== (to === away.id))
  },
  oneWay(group: Group): void {
    const mute = group.pick()
    apart(group, (from) => from === mute.id)
  },
  deaf(group: Group): void {
    const deaf = group.pick()
    apart(group, (_, to) => to === deaf.id)
  },
  halves(group: Group): void {
    const side = new Set(
      group.nodes.filter(() => group.world.random.chance(1, 2)).map(({ id }) => id),
    )
    apart(group, (from, to) => side.has(from) !== side.has(to))
  },
  /** Some hear one another and some do not. */
  partial(group: Group): void {
    apart(group, () => group.world.random.chance(1, 3))
  },
  weather(group: Group): void {
    const { random } = group.world
    group.weather.lossPercent = random.below(25)
    group.weather.duplicatePercent = random.below(25)
    group.weather.delayMax = millis(1 + random.below(random.chance(1, 5) ? 400 : 40))
  },
  /** Queues somewhere between two of them: what goes one way arrives late. */
  slowWay(group: Group): void {
    const { random } = group.world
    const [from, to] = [group.leaders[0] ?? group.pick(), group.pick()]
    const way = random.chance(1, 2) ? `${from.id}>${to.id}` : `${to.id}>${from.id}`
    group.slow.set(way, millis(random.below(SLOW_WAY_MS)))
    group.world.in(millis(random.below(APART_MS)), () => group.slow.delete(way))
  },
  fineWeather(group: Group): void {
    Object.assign(group.weather, FINE)
  },
  slowDisk(group: Group): void {
    slow(group, group.pick(), SLOW_DISK_MS)
  },
  stalledDisk(group: Group): void {
    slow(group, group.leaders[0] ?? group.pick(), STALLED_DISK_MS)
  },
  transfer(group: Group): void {
    const to = group.pick().id
    for (const leader of group.leaders) leader.command((raft) => raft.transferTo(to))
  },
  resign(group: Group): void {
    for (const leader of group.leaders) leader.command((raft) => raft.resign())
  },
  campaign(group: Group): void {
    group.pick().command((raft) => raft.campaign())
  },
  change(group: Group): void {
    for (const leader of group.leaders)
      leader.command((raft) => raft.change(changed(group, leader, raft.status().membership)))
  },
} satisfies Faults<Group>

function down(group: Group, node: SimNode, during: number): void {
  if (node.status === undefined) return
  node.crash()
  startLater(group, node, during)
}

/** It is down, and comes up again after `during` at most. */
export function startLater({ world }: Group, node: SimNode, during: number): void {
  world.in(millis(1 + world.random.below(during)), () => {
    if (node.status === undefined) node.start()
  })
}

function apart(group: Group, cuts: (from: NodeId, to: NodeId) => boolean): void {
  const ways: string[] = []
  for (const { id: from } of group.nodes)
    for (const { id: to } of group.nodes)
      if (from !== to && cuts(from, to)) ways.push(`${from}>${to}`)
  for (const way of ways) group.cut.add(way)
  group.world.in(millis(group.world.random.below(APART_MS)), () => {
    for (const way of ways) group.cut.delete(way)
  })
}

function slow(group: Group, node: SimNode, syncMs: number): void {
  node.syncMs = syncMs
  group.world.in(millis(group.world.random.below(APART_MS)), () => {
    node.syncMs = SYNC_MS
  })
}

/** Somebody comes in, is promoted, or leaves. */
function changed(group: Group, leader: SimNode, { voters, learners }: Membership): Membership {
  const { random } = group.world
  const all = group.nodes.map(({ id }) => id)
  const known = members({ voters, learners })
  const candidate = all[random.below(all.length)]
  if (candidate === undefined) return { voters, learners }
  if (!known.includes(candidate)) {
    if (!leader.admits(candidate)) return { voters, learners }
    return { voters, learners: [...learners, candidate] }
  }
  if (learners.includes(candidate))
    return { voters: [...voters, candidate], learners: learners.filter((id) => id !== candidate) }
  const left = voters.filter((id) => id !== candidate)
  return random.chance(1, 2)
    ? { voters: left, learners }
    : { voters: left, learners: [...learners, candidate] }
}
