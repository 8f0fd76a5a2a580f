//! Nodes of two releases: each is begun again with the next one, one after the other, in the midst
//! of faults.

import { members, NOBODY } from '../../../src/raft/membership.ts'
import { NEXT, NEXT_RELEASE } from '../../harness/next-release.ts'
import { startLater, type FaultCounts } from '../cluster/faults.ts'
import type { Group } from '../cluster/group.ts'
import { every } from '../cluster/pace.ts'
import type { Clients } from './clients.ts'
import type { ReplicaNode } from './node.ts'

const EVERY_MS = [300, 1_000, 3_000]
const RESTART_MS = 500
const DROP_EVERY_MS = 300
const PATIENCE_MS = 5_000

/** For so long; counts what it has done. */
export function upgrade(clients: Clients, during: number, counts: FaultCounts): void {
  const { group } = clients
  const { world } = group
  const pause = EVERY_MS[world.random.below(EVERY_MS.length)] ?? 0
  const areMembersFirst = world.random.chance(1, 2)
  every(world, pause, during, () => {
    const old = group.nodes.filter(({ release }) => release !== NEXT_RELEASE)
    const due = membersOf(group).filter((each) => areMembersFirst && old.includes(each))
    // Just before the others go over, while they do, or when they have.
    if (due.length === 0 && world.random.chance(1, 3)) return letIn(group, old)
    const choice = due.length > 0 ? due : old
    const node = choice[world.random.below(choice.length)]
    if (node === undefined) return
    counts['upgrade'] = (counts['upgrade'] ?? 0) + 1
    node.release = NEXT_RELEASE
    if (node.status === undefined) return
    if (world.random.chance(1, 2)) node.shutDown()
    else node.kill()
    startLater(group, node, RESTART_MS)
  })
  dropRestores(clients, during)
}

function letIn(group: Group<ReplicaNode>, old: readonly ReplicaNode[]): void {
  const host = old[group.world.random.below(old.length)]
  for (const leader of host === undefined ? [] : group.leaders)
    if (host !== undefined && leader.admits(host.id))
      leader.command((raft) => {
        const { voters, learners } = raft.status().membership
        raft.change({ voters, learners: [...learners, host.id] })
      })
}

/** Those that are left, one by one; and with nothing in their way all go over. */
export async function upgradeAll(
  clients: Clients,
  pass: (ms: number, enough?: () => boolean) => Promise<void>,
): Promise<void> {
  const { group } = clients
  for (const node of group.nodes) {
    if (node.release === NEXT_RELEASE) continue
    node.release = NEXT_RELEASE
    if (node.status !== undefined) node.shutDown()
    await pass(RESTART_MS)
    if (node.status === undefined) node.start()
    await pass(RESTART_MS)
  }
  dropRestores(clients, PATIENCE_MS)
  await pass(PATIENCE_MS, () => haveGoneOver(group))
}

/** Rows that wait to be restored keep the schema that they are of. */
function dropRestores(clients: Clients, during: number): void {
  const { group } = clients
  every(group.world, DROP_EVERY_MS, during, () => {
    if (!haveGoneOver(group)) clients.dropRestore()
  })
}

function haveGoneOver(group: Group<ReplicaNode>): boolean {
  const inGroup = membersOf(group)
  return inGroup.length > 0 && inGroup.every(({ schema }) => schema?.inForce === NEXT)
}

/** As somebody knows who leads; nobody when there is none. */
function membersOf({ leaders, nodes }: Group<ReplicaNode>): readonly ReplicaNode[] {
  const membership = leaders[0]?.status?.membership ?? NOBODY
  return nodes.filter(({ id }) => members(membership).includes(id))
}
