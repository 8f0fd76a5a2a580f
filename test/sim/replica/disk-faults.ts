//! What goes wrong on the disks of nodes that have real databases, and with processes.

import { millis } from '../../../src/base/time.ts'
import { FAULTS, mend, startLater, type Faults } from '../cluster/faults.ts'
import type { Group } from '../cluster/group.ts'
import type { ReplicaNode } from './node.ts'

const STEPS_MAX = 60
const FULL_MS = 2_500
const SHUT_MS = 500

export const REPLICA_FAULTS = {
  ...FAULTS,
  /** In the middle of a commit, of a snapshot that is taken over, or just behind it. */
  powerLoss(group: Group<ReplicaNode>): void {
    group.pick().disk.losePowerIn(group.world.random.below(STEPS_MAX))
  },
  powerLossOfLeader(group: Group<ReplicaNode>): void {
    const node = group.leaders[0] ?? group.pick()
    node.disk.losePowerIn(group.world.random.below(STEPS_MAX))
  },
  fullDisk(group: Group<ReplicaNode>): void {
    const { disk } = group.pick()
    disk.fill()
    mendLater(group, () => disk.mend())
  },
  brokenDisk(group: Group<ReplicaNode>): void {
    const { disk } = group.pick()
    disk.isBroken = true
    mendLater(group, () => disk.mend())
  },
  /** Told to, it closes its files. */
  shutDown(group: Group<ReplicaNode>): void {
    const node = group.pick()
    if (node.status === undefined) return
    node.shutDown()
    startLater(group, node, SHUT_MS)
  },
} satisfies Faults<Group<ReplicaNode>>

export function mendAll(group: Group<ReplicaNode>): void {
  for (const { disk } of group.nodes) disk.mend()
  mend(group)
}

function mendLater({ world }: Group<ReplicaNode>, run: () => void): void {
  world.in(millis(world.random.below(FULL_MS)), run)
}
