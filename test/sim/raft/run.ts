//! One world: first everything goes wrong that may, and what must always hold is watched; then
//! all is mended, and it must come right by itself.

import { assert } from '../../../src/base/assert.ts'
import { millis } from '../../../src/base/time.ts'
import { World } from '../../harness/world.ts'
import { FAULTS, kindsOf, mend, strike, type FaultCounts } from '../cluster/faults.ts'
import { every } from '../cluster/pace.ts'
import type { Group } from '../cluster/group.ts'
import type { Outcome } from '../outcome.ts'
import { Clients } from './clients.ts'
import type { Member } from './member.ts'

const IDS = ['a', 'b', 'c', 'd', 'e']
const SAFETY_MS = 15_000
const LIVENESS_MS = 10_000
/** On average, in a calm world and in a wild one. */
const FAULT_EVERY_MS = [600, 300, 150, 75]
const WRITE_EVERY_MS = 30
const READ_EVERY_MS = 60

const RAFT_FAULTS = {
  ...FAULTS,
  snapshot: (group: Group<Member>) => group.pick().makeSnapshot(),
}

/** Throws with the world's trace when something does not hold. */
export function run(seed: number): Outcome {
  const world = new World(seed)
  const clients = new Clients(world, IDS, 2 + world.random.below(4))
  const { group } = clients
  const faults: FaultCounts = {}
  const kinds = kindsOf(world, RAFT_FAULTS)
  const pause = FAULT_EVERY_MS[world.random.below(FAULT_EVERY_MS.length)] ?? 0
  try {
    every(world, WRITE_EVERY_MS, SAFETY_MS, () => clients.write())
    every(world, READ_EVERY_MS, SAFETY_MS, () => clients.read())
    every(world, pause, SAFETY_MS, () => strike(group, RAFT_FAULTS, kinds, faults))
    world.pass(millis(SAFETY_MS))
    mend(group)
    assertLive(clients)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`after ${world.now} ms: ${message}`, { cause: error })
  }
  const terms = group.nodes.map(({ disk }) => disk.hardState.term)
  const { acknowledged } = clients.checks
  world.record(`${acknowledged} ${clients.reads} ${group.delivered} ${terms.join(' ')}`)
  return {
    faults,
    counts: {
      acknowledged,
      reads: clients.reads,
      messages: group.delivered,
      elections: Math.max(...terms),
      leases: group.nodes.reduce((sum, { lease }) => sum + lease.opened, 0),
    },
    virtualMs: world.now,
    digest: world.digest(),
  }
}

/** A leader, a lease, a write and a read, and then the same state everywhere. */
function assertLive(clients: Clients): void {
  const { group, checks } = clients
  const { world } = group
  world.pass(millis(LIVENESS_MS), () => group.leaders.some(({ lease }) => lease.isOpen))
  assert(group.leaders.length > 0, 'with everything mended nobody was elected')
  assert(
    group.nodes.some(({ lease }) => lease.isOpen),
    'nobody took the address',
  )
  const [written, read] = [checks.acknowledged, clients.reads]
  every(world, WRITE_EVERY_MS, LIVENESS_MS / 2, () => clients.write())
  every(world, READ_EVERY_MS, LIVENESS_MS / 2, () => clients.read())
  world.pass(millis(LIVENESS_MS / 2))
  assert(checks.acknowledged > written + 10, 'with everything mended writes were not acknowledged')
  assert(clients.reads > read + 10, 'with everything mended reads were not answered')
  // All that is under way arrives, followers catch up, and the address is kept with nothing to do.
  world.pass(millis(LIVENESS_MS / 5))
  checks.settled()
  assert(
    group.leaders.some(({ lease }) => lease.isOpen),
    'the address was lost for want of work',
  )
}
