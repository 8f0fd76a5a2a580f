//! Sessions of one name on two servers: which of them phones know.

import { expect, test } from 'vitest'
import type { CallId } from '../../../src/control/ids.ts'
import type { MediaId } from '../../../src/control/media-control.ts'
import { World } from '../../harness/world.ts'
import {
  at,
  callGivenUp,
  counts,
  lead,
  media,
  mediaOffice,
  passed,
  phone,
  talk,
  type Leader,
} from './media-office.ts'

test.each(['made', 'resumed'])(
  'one that was %s on a server that is cut off, and moved meanwhile, stays where it is',
  async (how) => {
    const { office, ids } = await mediaOffice(new World(1), 2)
    let leader = await lead(office, 'node-1')
    for (const call of ['one', 'two']) await talk(leader, call)
    if (how === 'resumed') {
      leader.pool.stop()
      leader = await lead(office, 'node-2')
      const known = ['one', 'two'].map((call) => leader.media.resume(media(call), media(call)))
      await passed(office)
      expect(await Promise.all(known)).toEqual([true, true])
    }
    // What is sent does not arrive, and nobody knows that yet.
    office.up.delete(at(ids, 0))
    const call = 'two' as CallId
    const [a, b] = ['one-a', 'two-b'] as MediaId[] as [MediaId, MediaId]
    const joining = leader.media.connect({ call, a, b })
    await passed(office, 5_100)
    expect((await joining).ok).toBe(true)
    await leader.media.relayAnswer({ call, from: a, to: b, sdp: phone(4_000) })
    office.mend(at(ids, 0))
    await passed(office)
    expect(lostOf(leader)).toEqual([])
    expect(await leader.media.resume([a, b], [a, b])).toBe(true)
    expect(await counts(office, ids)).toEqual([1, 3])
  },
)

test('one that was given up, and is made anew elsewhere, is released where it lay', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const second = await callGivenUp(office, at(ids, 0))
  expect(await second.media.resume(media('one'), [])).toBe(false)
  office.mend(at(ids, 0))
  await passed(office)
  await talk(second, 'one')
  await passed(office)
  expect(await counts(office, ids)).toEqual([0, 2])
  // Its connection is replaced.
  office.mend(at(ids, 1))
  await passed(office, 30_000)
  expect(lostOf(second)).toEqual([])
  expect(await counts(office, ids)).toEqual([0, 2])
})

function lostOf({ events }: Leader): readonly MediaId[] {
  return events.flatMap((event) => (event.kind === 'lost' ? event.media : []))
}
