//! One world of three nodes that serve phones at one address: people call while nodes, disks and
//! networks fail (safety); then all is mended, and everybody hangs up (liveness).

import { assert } from '../../../src/base/assert.ts'
import { millis } from '../../../src/base/time.ts'
import { World } from '../../harness/world.ts'
import { kindsOf, strike, type FaultCounts, type Faults } from '../cluster/faults.ts'
import type { Group } from '../cluster/group.ts'
import { every } from '../cluster/pace.ts'
import type { Outcome } from '../outcome.ts'
import { mendAll, REPLICA_FAULTS } from '../replica/disk-faults.ts'
import { Frozen, passing } from '../replica/frozen.ts'
import { Homes } from '../replica/home.ts'
import type { ReplicaNode } from '../replica/node.ts'
import { assertAgreement, assertOver } from './checks.ts'
import { CallOffice } from './office.ts'
import { assertSound } from './sound.ts'

const BEGIN_MS = 40_000
const BUSY_MS = 25_000
/**
 * Timers of RFC 3261 end, and with them every call that is not up; who is silent was asked. Who
 * does not come back is awaited for 90 s from the last takeover, perhaps by what was just mended.
 */
const REST_MS = 95_000
/** Transactions of who has hung up. */
const LINGER_MS = 45_000
/** Who is silent is asked every 80 s, and may not answer for 32. */
const END_MS = 85_000
const CALL_EVERY_MS = 1_000
const WRITE_EVERY_MS = 400
const FAULT_EVERY_MS = [8_000, 4_000, 2_000, 1_000]
const MEDIA_FAULT_EVERY_MS = 6_000
const ROAM_EVERY_MS = 5_000

export type Pass = (ms: number, enough?: () => boolean) => Promise<void>

/** Rejects with what does not hold. */
export async function run(seed: number): Promise<Outcome> {
  const world = new World(seed)
  const homes = new Homes()
  const frozen = new Frozen()
  const office = await CallOffice.open(world, homes, frozen)
  const pass: Pass = (ms, enough) => passing(world, frozen, ms, enough)
  const faults: FaultCounts = {}
  try {
    await begin(office, pass)
    await beBusy(office, pass, faults)
    const rested = await comeToRest(office, pass)
    return outcomeOf(office, faults, rested)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const what = `after ${world.now} ms: ${message}`
    const tail = process.env['TAIL'] === undefined ? '' : `\n${world.tail()}`
    throw new Error(what + tail, { cause: error })
  } finally {
    office.close()
    homes.close()
  }
}

async function begin(office: CallOffice, pass: Pass): Promise<void> {
  for (let ms = 0; ms < BEGIN_MS && !office.provision(); ms += 100) await pass(100)
  assert(office.provision(), 'extensions could not be made')
  office.register()
  await pass(BEGIN_MS, () => office.areRegistered)
  assert(office.areRegistered, 'phones could not register')
}

async function beBusy(office: CallOffice, pass: Pass, faults: FaultCounts): Promise<void> {
  const { world, network, group, clients } = office
  const { random } = world
  const kinds = kindsOf(world, REPLICA_FAULTS)
  const pause = FAULT_EVERY_MS[random.below(FAULT_EVERY_MS.length)] ?? 0
  network.faults = {
    lossPercent: random.below(10),
    duplicatePercent: random.below(10),
    delayMin: millis(1),
    delayMax: millis(1 + random.below(80)),
  }
  every(world, CALL_EVERY_MS, BUSY_MS, () => office.dial())
  every(world, WRITE_EVERY_MS, BUSY_MS, () => clients.write())
  every(world, WRITE_EVERY_MS, BUSY_MS, () => clients.read())
  every(world, pause, BUSY_MS, () => strike(group, REPLICA_FAULTS, kinds, faults))
  const media = mediaFaults(office)
  const mediaKinds = kindsOf(world, media)
  every(world, MEDIA_FAULT_EVERY_MS, BUSY_MS, () => strike(group, media, mediaKinds, faults))
  const roaming = { roamPhone: () => office.roam() }
  if (random.chance(1, 2))
    every(world, ROAM_EVERY_MS, BUSY_MS, () => strike(group, roaming, ['roamPhone'], faults))
  await pass(BUSY_MS)
}

function mediaFaults(office: CallOffice): Faults<Group<ReplicaNode>> {
  const { media } = office
  if (media.machines.length === 0) return { killMedia: () => office.serving?.media.die() }
  return {
    cutMediaServer: () => media.cut(),
    darkenMediaServer: () => media.darken(),
    killMediaServer: () => media.kill(),
    hangMediaServer: () => media.hang(),
  }
}

type Rested = { readonly records: number; readonly unheard: number; readonly heard: number }

async function comeToRest(office: CallOffice, pass: Pass): Promise<Rested> {
  const { network, group, clients, checks, habits } = office
  mendAll(group)
  network.faults = { lossPercent: 0, duplicatePercent: 0, delayMin: millis(1), delayMax: millis(1) }
  for (const each of habits) each.rest()
  await pass(REST_MS)
  const unheard = assertAgreement(office)
  const heard = await assertSound(office, pass)
  for (const each of habits) each.retire()
  await pass(LINGER_MS)
  await pass(END_MS, () => office.isQuiet)
  const records = await assertOver(office)
  clients.assertAnswered()
  checks.settled(group)
  return { records: records.length, unheard, heard }
}

function outcomeOf(office: CallOffice, faults: FaultCounts, rested: Rested): Outcome {
  const { world, group, checks, served, phones } = office
  const own = phones.flatMap(({ calls }) => calls)
  return {
    faults,
    counts: {
      'calls by phones': own.filter(({ way }) => way === 'outgoing').length,
      'calls answered': own.filter(({ way, wasUp }) => way === 'outgoing' && wasUp).length,
      'call records': rested.records,
      'phones that did not hear that they were hung up': rested.unheard,
      'phones heard by who they talk to': rested.heard,
      'changes of who serves': served.length - 1,
      'calls taken over': served.reduce((sum, { resumed }) => sum + resumed, 0),
      acknowledged: checks.acknowledged,
      reads: checks.reads,
      messages: group.delivered,
    },
    virtualMs: world.now,
    digest: world.digest(),
  }
}
