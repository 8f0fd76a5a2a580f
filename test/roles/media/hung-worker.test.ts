//! A media server whose worker hangs: its process and its connection live, and nothing of its sound
//! goes on.

import { beforeEach, expect, test } from 'vitest'
import type { NodeId } from '../../../src/control/ids.ts'
import type { MediaEvent } from '../../../src/control/media-control.ts'
import { World } from '../../harness/world.ts'
import type { SimWorker } from '../../media/sim-worker.ts'
import {
  at,
  counts,
  lead,
  media,
  mediaOffice,
  passed,
  talk,
  type Leader,
  type Office,
} from './media-office.ts'

let office: Office
let ids: readonly NodeId[]
/** Of the first of two servers. */
let worker: SimWorker

beforeEach(async () => {
  ;({ office, ids } = await mediaOffice(new World(1), 2))
  const server = office.servers.get(at(ids, 0))
  if (server === undefined) throw new Error('there are two')
  ;({ worker } = server)
})

test('it draws no new calls', async () => {
  const leader = await lead(office, 'node-1')
  await passed(office)
  worker.hang()
  await passed(office, 7_000)
  // At once: neither is asked in vain.
  for (const call of ['one', 'two']) await talk(leader, call)
  expect(await counts(office, ids)).toEqual([0, 4])
  worker.goOn()
  await passed(office, 2_000)
  await talk(leader, 'three')
  expect(await counts(office, ids)).toEqual([2, 4])
})

test('where it hangs on all servers calls are on the node itself', async () => {
  const leader = await lead(office, 'node-1')
  await passed(office)
  for (const { worker: each } of office.servers.values()) each.hang()
  await passed(office, 7_000)
  await talk(leader, 'one')
  expect(await leader.local.carrier.ask({ method: 'sessions' })).toEqual(media('one'))
})

test('what it makes too late is released', async () => {
  const leader = await lead(office, 'node-1')
  await passed(office)
  worker.hang()
  const talking = talk(leader, 'one')
  await passed(office, 5_500)
  await talking
  expect(await counts(office, ids)).toEqual([0, 2])
  worker.goOn()
  await passed(office)
  expect(await counts(office, ids)).toEqual([0, 2])
  expect(await leader.media.resume(media('one'), [])).toBe(true)
  expect(lossesOf(leader)).toEqual([])
})

test('its calls are moved, and the next one draws calls', async () => {
  const leader = await lead(office, 'node-1')
  await talk(leader, 'one')
  worker.hang()
  await passed(office, 12_000)
  expect(lossesOf(leader)).toEqual([{ kind: 'lost', media: media('one') }])
  for (const call of ['one', 'two']) await talk(leader, call)
  expect(await counts(office, ids)).toEqual([2, 2])
  await passed(office, 30_000)
  expect(lossesOf(leader)).toHaveLength(1)
})

test('that of the node itself is ended, and its calls are moved', async () => {
  for (const id of ids) office.cut(id)
  const leader = await lead(office, 'node-1')
  await passed(office, 1_500)
  await talk(leader, 'one')
  for (const id of ids) office.mend(id)
  leader.worker.hang()
  // It is asked all the time.
  void leader.pool.ask({ method: 'status' })
  await passed(office, 10_000)
  expect(lossesOf(leader)).toEqual([{ kind: 'lost', media: media('one') }])
  await talk(leader, 'one')
  expect(await counts(office, ids)).toEqual([2, 0])
})

test('one that is not ended is rid of its calls when it goes on', async () => {
  const leader = await lead(office, 'node-1')
  await talk(leader, 'one')
  worker.hang(false)
  await passed(office, 10_000)
  expect(lossesOf(leader)).toEqual([{ kind: 'lost', media: media('one') }])
  // Made anew, under the same names and under others.
  await talk(leader, 'one')
  await talk(leader, 'one-again')
  await passed(office, 20_000)
  expect(await counts(office, ids)).toEqual([2, 4])
  worker.goOn()
  await passed(office, 7_000)
  expect(await counts(office, ids)).toEqual([0, 4])
  await talk(leader, 'two')
  expect(await counts(office, ids)).toEqual([2, 4])
  expect(lossesOf(leader)).toHaveLength(1)
})

test.each([1_000, 4_900, 6_000, 7_000])(
  'one that is slow for %i ms keeps its calls',
  async (hangs) => {
    const leader = await lead(office, 'node-1')
    await talk(leader, 'one')
    for (let times = 0; times < 5; times++) {
      await passed(office, 1_300)
      worker.hang()
      await passed(office, hangs)
      worker.goOn()
    }
    await passed(office, 30_000)
    expect(lossesOf(leader)).toEqual([])
    expect(await counts(office, ids)).toEqual([2, 0])
    expect(await leader.media.resume(media('one'), [])).toBe(true)
  },
)

test.each([1_500, 4_900, 7_000])(
  'one that is slow for %i ms when its connection is replaced keeps its calls',
  async (hangs) => {
    const leader = await lead(office, 'node-1')
    await talk(leader, 'one')
    worker.hang()
    office.cut(at(ids, 0))
    await passed(office, 500)
    office.mend(at(ids, 0))
    office.mend(at(ids, 0))
    await passed(office, hangs - 600)
    worker.goOn()
    await passed(office, 30_000)
    expect(lossesOf(leader)).toEqual([])
    expect(await leader.media.resume(media('one'), media('one'))).toBe(true)
  },
)

test.each(['once', 'again and again'])(
  'one that hangs is given up, also when its connection is replaced %s',
  async (often) => {
    const leader = await lead(office, 'node-1')
    await talk(leader, 'one')
    worker.hang(false)
    office.mend(at(ids, 0))
    for (let times = 0; times < 16; times++) {
      await passed(office, 500)
      if (often === 'once') continue
      office.cut(at(ids, 0))
      office.mend(at(ids, 0))
    }
    expect(lossesOf(leader)).toHaveLength(1)
    // Not even for a second more.
    office.cut(at(ids, 0))
    await passed(office, 5_000)
    expect(lossesOf(leader)).toHaveLength(1)
  },
)

test.each([5_500, 6_500, 12_000])(
  'one that hangs for %i ms tells a successor what lives, and not that nothing does',
  async (hangs) => {
    const first = await lead(office, 'node-1')
    await talk(first, 'one')
    first.pool.stop()
    worker.hang()
    const second = await lead(office, 'node-2')
    const resumed = second.media.resume(media('one'), [])
    await passed(office, hangs)
    // Given up by then, and released when the server says that they live.
    expect(await resumed).toBe(false)
    worker.goOn()
    await passed(office, 30_000)
    expect(await counts(office, ids)).toEqual([0, 0])
  },
)

test('a successor finds sessions of a worker that is slow when it takes over', async () => {
  const first = await lead(office, 'node-1')
  await talk(first, 'one')
  first.pool.stop()
  worker.hang()
  const second = await lead(office, 'node-2')
  const resumed = second.media.resume(media('one'), [])
  await passed(office, 1_800)
  worker.goOn()
  await passed(office, 100)
  expect(await resumed).toBe(true)
  await passed(office, 30_000)
  expect(lossesOf(second)).toEqual([])
  expect(await counts(office, ids)).toEqual([2, 0])
})

function lossesOf({ events }: Leader): readonly MediaEvent[] {
  return events.filter(({ kind }) => kind === 'lost')
}
