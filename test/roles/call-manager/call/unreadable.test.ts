//! A call in the store that this build cannot go on with still has its record.

import { expect, test } from 'vitest'
import { millis, wallTime } from '../../../../src/base/time.ts'
import type { CallId } from '../../../../src/control/ids.ts'
import { savedCalls } from '../../../../src/store/schema/call.ts'
import { allCdrs } from '../../../ladder/cdrs.ts'
import { pass } from '../../../harness/settle.ts'
import { SimNetwork } from '../../../harness/sim-network.ts'
import { SimPbx } from '../../../harness/sim-pbx.ts'
import { World } from '../../../harness/world.ts'

const RECORD = {
  startedAt: wallTime(1_000),
  answeredAt: wallTime(2_000),
  caller: 'sip:alice@pbx.example',
  callerName: 'Alice',
  callee: 'sip:bob@pbx.example',
  dialled: 'bob',
  answeredBy: 'sip:bob@pbx.example',
  callerSipCallId: 'c1',
  callerUserAgent: '',
  calleeUserAgent: '',
}

async function restartedOn(snapshot: string): Promise<SimPbx> {
  const world = new World(1)
  const pbx = await SimPbx.open({ network: new SimNetwork(world), address: '10.0.0.1' })
  pbx.store.commit({ kind: 'call.saved', id: 'c1' as CallId, snapshot, at: wallTime(3_000) })
  pbx.restart()
  await pass(world, millis(1_000))
  return pbx
}

test('of another build: ended, with what its record says', async () => {
  const snapshot = JSON.stringify({ version: 1, tenant: 'office', record: RECORD })
  const { store } = await restartedOn(snapshot)
  expect(store.read(savedCalls)).toEqual([])
  expect(store.read(allCdrs)[0]).toContain(
    'cdr alice -> bob: 200 "system restarted" ended by system',
  )
})

test('damaged: left alone, for somebody to look at', async () => {
  const { store } = await restartedOn('{"version":2,"tenant":"office"')
  expect(store.read(savedCalls)).toHaveLength(1)
  expect(store.read(allCdrs)).toEqual([])
})

test('of this build, and not as it writes them: ended, and the process goes on', async () => {
  const clock = { now: 0, wall: 1_000 }
  const saved = { version: 2, clock, tenant: 'office', record: RECORD, legs: [null], open: [] }
  const { store } = await restartedOn(JSON.stringify(saved))
  expect(store.read(savedCalls)).toEqual([])
  expect(store.read(allCdrs)[0]).toContain('200 "system restarted" ended by system')
})
