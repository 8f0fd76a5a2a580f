//! One world: first everything goes wrong that may, and what must always hold is watched; then
//! all is mended, and it must come right by itself.

import { assert } from '../../../src/base/assert.ts'
import { millis } from '../../../src/base/time.ts'
import { World } from '../../harness/world.ts'
import { kindsOf, mend, noFaults, strike, type FaultCounts } from './faults.ts'
import { Group } from './group.ts'

const IDS = ['a', 'b', 'c', 'd', 'e']
const SAFETY_MS = 15_000
const LIVENESS_MS = 10_000
/** On average, in a calm world and in a wild one. */
const FAULT_EVERY_MS = [600, 300, 150, 75]
const WRITE_EVERY_MS = 30
const READ_EVERY_MS = 60

export type Outcome = {
  readonly faults: FaultCounts
  readonly acknowledged: number
  readonly reads: number
  readonly messages: number
  readonly elections: number
  readonly leases: number
  readonly virtualMs: number
  readonly digest: string
}

/** Throws with the world's trace when something does not hold. */
export function run(seed: number): Outcome {
  const world = new World(seed)
  const group = new Group(world, IDS, 2 + world.random.below(4))
  const faults = noFaults()
  const kinds = kindsOf(world)
  const pause = FAULT_EVERY_MS[world.random.below(FAULT_EVERY_MS.length)] ?? 0
  try {
    every(world, WRITE_EVERY_MS, SAFETY_MS, () => group.write())
    every(world, READ_EVERY_MS, SAFETY_MS, () => group.read())
    every(world, pause, SAFETY_MS, () => strike(group, kinds, faults))
    world.pass(millis(SAFETY_MS))
    mend(group)
    assertLive(group)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`seed ${seed}, after ${world.now} ms: ${message}`, { cause: error })
  }
  const terms = group.members.map(({ disk }) => disk.hardState.term)
  const { acknowledged } = group.checks
  world.record(`${acknowledged} ${group.reads} ${group.delivered} ${terms.join(' ')}`)
  return {
    faults,
    acknowledged,
    reads: group.reads,
    messages: group.delivered,
    elections: Math.max(...terms),
    leases: group.members.reduce((sum, { lease }) => sum + lease.opened, 0),
    virtualMs: world.now,
    digest: world.digest(),
  }
}

/** A leader, a lease, a write and a read, and then the same state everywhere. */
function assertLive(group: Group): void {
  const { world, checks } = group
  world.pass(millis(LIVENESS_MS), () => group.leaders.some(({ lease }) => lease.isOpen))
  assert(group.leaders.length > 0, 'with everything mended nobody was elected')
  assert(
    group.members.some(({ lease }) => lease.isOpen),
    'nobody took the address',
  )
  const [written, read] = [checks.acknowledged, group.reads]
  every(world, WRITE_EVERY_MS, LIVENESS_MS / 2, () => group.write())
  every(world, READ_EVERY_MS, LIVENESS_MS / 2, () => group.read())
  world.pass(millis(LIVENESS_MS / 2))
  assert(checks.acknowledged > written + 10, 'with everything mended writes were not acknowledged')
  assert(group.reads > read + 10, 'with everything mended reads were not answered')
  // All that is under way arrives, followers catch up, and the address is kept with nothing to do.
  world.pass(millis(LIVENESS_MS / 5))
  checks.settled()
  assert(
    group.leaders.some(({ lease }) => lease.isOpen),
    'the address was lost for want of work',
  )
}

function every(world: World, interval: number, during: number, run: () => void): void {
  const until = world.now + during
  const again = (): void => {
    if (world.now >= until) return
    run()
    world.in(millis(1 + world.random.below(2 * interval)), again)
  }
  world.in(millis(world.random.below(interval)), again)
}
