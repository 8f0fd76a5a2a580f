//! One world of production replicas: first everything goes wrong that may, and what must always
//! hold is watched; then all is mended, and it must come right by itself.

import { assert } from '../../../src/base/assert.ts'
import { SCHEMA_VERSION } from '../../../src/store/schema/schema.ts'
import { NEXT } from '../../harness/next-release.ts'
import { World } from '../../harness/world.ts'
import { kindsOf, strike, type FaultCounts } from '../cluster/faults.ts'
import { every } from '../cluster/pace.ts'
import type { Outcome } from '../outcome.ts'
import { Checks } from './checks.ts'
import { Clients, replicas } from './clients.ts'
import { mendAll, REPLICA_FAULTS } from './disk-faults.ts'
import { Frozen, passing } from './frozen.ts'
import { Homes } from './home.ts'
import { upgrade, upgradeAll } from './releases.ts'

const IDS = ['a', 'b', 'c', 'd', 'e']
const SAFETY_MS = 8_000
const LIVENESS_MS = 10_000
const FAULT_EVERY_MS = [600, 300, 150, 75]
const WRITE_EVERY_MS = 40
const READ_EVERY_MS = 80

/** Rejects with what does not hold. */
export async function run(seed: number): Promise<Outcome> {
  const world = new World(seed)
  const homes = new Homes()
  const frozen = new Frozen()
  const checks = new Checks()
  const voters = 2 + world.random.below(4)
  const isUpgraded = world.random.chance(1, 2)
  const group = replicas({ world, homes, frozen, ids: IDS, voters, isUpgraded }, checks)
  const clients = new Clients(group, checks, frozen)
  const pass = (ms: number, enough?: () => boolean): Promise<void> =>
    passing(world, frozen, ms, enough)
  const faults: FaultCounts = {}
  const kinds = kindsOf(world, REPLICA_FAULTS)
  let goneOver = 0
  const pause = FAULT_EVERY_MS[world.random.below(FAULT_EVERY_MS.length)] ?? 0
  try {
    every(world, WRITE_EVERY_MS, SAFETY_MS, () => clients.write())
    every(world, READ_EVERY_MS, SAFETY_MS, () => clients.read())
    every(world, pause, SAFETY_MS, () => strike(group, REPLICA_FAULTS, kinds, faults))
    if (isUpgraded) upgrade(clients, SAFETY_MS, faults)
    await pass(SAFETY_MS)
    goneOver = group.nodes.filter(({ schema }) => schema?.inForce === NEXT).length
    mendAll(group)
    if (isUpgraded) await upgradeAll(clients, pass)
    await assertLive(clients, pass, isUpgraded ? NEXT : SCHEMA_VERSION)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`after ${world.now} ms: ${message}`, { cause: error })
  } finally {
    for (const node of group.nodes) node.shutDown()
    homes.close()
  }
  return outcomeOf(clients, faults, goneOver)
}

type Pass = (ms: number, enough?: () => boolean) => Promise<void>

async function assertLive(clients: Clients, pass: Pass, schema: number): Promise<void> {
  const { group, checks } = clients
  const { world } = group
  const isOwned = (): boolean => group.nodes.some(({ lease }) => lease.isOpen)
  // Who hangs in a commit since before does not know that it has lost the address.
  await pass(LIVENESS_MS, () => isOwned() && group.nodes.every(({ isBusy }) => !isBusy))
  assert(isOwned(), 'with everything mended nobody took the address')
  const [written, read] = [checks.acknowledged, checks.reads]
  every(world, WRITE_EVERY_MS, LIVENESS_MS / 4, () => clients.write())
  every(world, READ_EVERY_MS, LIVENESS_MS / 4, () => clients.read())
  await pass(LIVENESS_MS / 4)
  assert(checks.acknowledged > written + 10, 'with everything mended writes were not acknowledged')
  assert(checks.reads > read + 5, 'with everything mended reads were not answered')
  // All that is under way arrives, and followers catch up.
  await pass(LIVENESS_MS, () => clients.open + clients.hanging === 0)
  clients.assertAnswered()
  await pass(LIVENESS_MS / 5)
  checks.settled(group, schema)
  assert(isOwned(), 'the address was lost for want of work')
}

function outcomeOf(
  { group, checks, failures }: Clients,
  faults: FaultCounts,
  goneOver: number,
): Outcome {
  const { world, nodes, delivered } = group
  const elections = Math.max(...nodes.map(({ lastTerm }) => lastTerm))
  const { acknowledged, reads } = checks
  world.record(`${acknowledged} ${reads} ${delivered} ${elections} ${JSON.stringify(failures)}`)
  return {
    faults,
    counts: {
      acknowledged,
      reads,
      messages: delivered,
      elections,
      leases: nodes.reduce((sum, { lease }) => sum + lease.opened, 0),
      'nodes that went over to the next schema amid faults': goneOver,
      'snapshots taken over': nodes.reduce((sum, { disk }) => sum + disk.takenOver, 0),
      'processes ended by a fault of the disk': nodes.reduce((sum, { ended }) => sum + ended, 0),
    },
    virtualMs: world.now,
    digest: world.digest(),
  }
}
