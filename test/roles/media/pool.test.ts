//! Several media servers and those who lead them, one after the other.

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
  nodeAt,
  passed,
  phone,
  talk,
  type Leader,
} from './media-office.ts'

test('a call is on one server, and calls are spread', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const leader = await lead(office, 'node-1')
  for (const call of ['one', 'two', 'three', 'four']) await talk(leader, call)
  expect(await counts(office, ids)).toEqual([4, 4])
  expect(await sessionsOf(leader)).toEqual([])
})

test('without a server that is there, and only then, calls are on the node itself', async () => {
  const { office, ids } = await mediaOffice(new World(1), 1)
  const leader = await lead(office, 'node-1')
  office.cut(at(ids, 0))
  await passed(office, 1_500)
  await talk(leader, 'one')
  expect(await sessionsOf(leader)).toEqual(['one-a', 'one-b'])
  office.mend(at(ids, 0))
  await passed(office)
  await talk(leader, 'two')
  expect(await counts(office, ids)).toEqual([2])
  expect(await leader.media.release(media('one'))).toMatchObject([{ codec: 'PCMU' }, {}])
})

test('a successor finds the sessions as they were, and releases what nobody asks for', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const first = await lead(office, 'node-1')
  for (const call of ['one', 'two', 'three']) await talk(first, call)
  first.pool.stop()
  const second = await lead(office, 'node-2')
  // Asked for before any server can have answered, as calls are taken over.
  const asked = ['one', 'two', 'gone'].map((call) => second.media.resume(media(call), []))
  await passed(office)
  await passed(office)
  expect(await Promise.all(asked.slice(0, 2))).toEqual([true, true])
  expect(await asked[2]).toBe(false)
  await passed(office, 30_000)
  expect(await counts(office, ids)).toEqual([2, 2])
  // Who led before wakes up, and is not heard.
  void first.media.release(media('one'))
  await passed(office)
  expect(await counts(office, ids)).toEqual([2, 2])
  await second.media.release([...media('one'), ...media('two')])
  expect(await counts(office, ids)).toEqual([0, 0])
})

test('a call that is gone on with late finds its sessions as well', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const first = await lead(office, 'node-1')
  for (const call of ['one', 'two', 'three']) await talk(first, call)
  first.pool.stop()
  const second = await lead(office, 'node-2')
  await passed(office, 20_000)
  // Its going on had to be committed first, together with ten thousand others.
  expect(await second.media.resume(media('two'), [])).toBe(true)
  office.cut(at(ids, 0))
  await passed(office, 1_500)
  expect(second.events).toEqual([])
  expect(await second.media.resume(media('one'), [])).toBe(false)
  await passed(office, 10_000)
  expect(await counts(office, [at(ids, 1)])).toEqual([2])
})

test('a session of the same name that a server made too late is not what phones know', async () => {
  const { office, ids } = await mediaOffice(new World(1), 1)
  const first = await lead(office, 'node-1')
  const [from, to] = media('one') as [MediaId, MediaId]
  const offer = { call: 'one' as CallId, from, to }
  void first.media.relayOffer({ ...offer, sdp: phone(4_000), restated: false })
  await passed(office)
  expect(await counts(office, ids)).toEqual([2])
  // It went on elsewhere, with a server that has died with its leader.
  first.pool.stop()
  const second = await lead(office, 'node-2')
  const asked = second.media.resume(media('one'), media('one'))
  await passed(office)
  expect(await asked).toBe(false)
})

test('a session that was given up and is made anew where it lay stays', async () => {
  const { office, ids } = await mediaOffice(new World(1), 1)
  const second = await callGivenUp(office, at(ids, 0))
  expect(await second.media.resume(media('one'), [])).toBe(false)
  office.mend(at(ids, 0))
  await passed(office)
  await talk(second, 'one')
  await passed(office, 30_000)
  expect(await counts(office, ids)).toEqual([2])
})

test('a server that is late is waited for, but not for ever', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const first = await lead(office, 'node-1')
  await talk(first, 'one')
  await talk(first, 'two')
  first.pool.stop()
  for (const id of ids) office.cut(id)
  const second = await lead(office, 'node-2')
  const told: (readonly [string, boolean])[] = []
  for (const call of ['one', 'two'])
    void second.media.resume(media(call), []).then((live) => told.push([call, live]))
  await passed(office, 1_000)
  expect(told).toEqual([])
  office.mend(at(ids, 0))
  await passed(office, 1_500)
  expect(new Map(told)).toEqual(
    new Map([
      ['one', true],
      ['two', false],
    ]),
  )
  // What has been given up by then is released when it is back.
  office.mend(at(ids, 1))
  await passed(office, 30_000)
  expect(await counts(office, ids)).toEqual([2, 0])
})

test('a call whose server is there does not wait for another that is not', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const first = await lead(office, 'node-1')
  await talk(first, 'one')
  await talk(first, 'two')
  first.pool.stop()
  office.cut(at(ids, 1))
  const second = await lead(office, 'node-2')
  const told: (readonly [string, boolean])[] = []
  for (const call of ['one', 'two'])
    void second.media.resume(media(call), []).then((live) => told.push([call, live]))
  await passed(office)
  expect(told).toEqual([['one', true]])
  await passed(office, 1_900)
  expect(told).toHaveLength(1)
  await passed(office, 200)
  expect(told).toEqual([
    ['one', true],
    ['two', false],
  ])
})

test('what is asked at once of sessions that are no more is done in that order', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const { media: control } = await lead(office, 'node-1')
  const call = 'one' as CallId
  const [a, b] = media('one') as [MediaId, MediaId]
  // As a call is taken over that was being answered.
  const resumed = control.resume([a, b], [])
  const offer = { call, from: a, to: b, sdp: phone(4_000), restated: false }
  const offered = control.relayOffer(offer)
  const answered = control.relayAnswer({ call, from: b, to: a, sdp: phone(5_000) })
  const released = control.release([b])
  await passed(office, 2_500)
  await passed(office)
  expect(await resumed).toBe(false)
  expect([(await offered).ok, (await answered).ok]).toEqual([true, true])
  expect(await released).toMatchObject([{ media: b, codec: 'PCMU' }])
  expect((await counts(office, ids)).reduce((sum, each) => sum + each)).toBe(1)
})

test('who has let go asks nothing more of any server', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const leader = await lead(office, 'node-1')
  await passed(office)
  const asked = talk(leader, 'one').catch(() => undefined)
  await Promise.resolve()
  leader.pool.stop()
  await asked
  await passed(office)
  const [first = 0, second = 0] = await counts(office, ids)
  // What was on its way arrives; it is not tried elsewhere.
  expect(Math.min(first, second)).toBe(0)
})

test('a request under way survives a short cut of the link', async () => {
  const { office, ids } = await mediaOffice(new World(1), 1)
  const leader = await lead(office, 'node-1')
  await talk(leader, 'one')
  office.cut(at(ids, 0))
  const asked = talk(leader, 'one', 'c')
  await passed(office, 500)
  office.mend(at(ids, 0))
  await asked
  expect(leader.events).toEqual([])
  expect(await counts(office, ids)).toEqual([3])
})

test('a request that was lost with a connection is made again over its successor', async () => {
  const { office, ids } = await mediaOffice(new World(1), 1)
  const leader = await lead(office, 'node-1')
  await talk(leader, 'one')
  // What is sent does not arrive, and nobody knows that yet.
  office.up.delete(at(ids, 0))
  let isDone = false
  void talk(leader, 'one', 'c').then(() => (isDone = true))
  await passed(office, 500)
  office.mend(at(ids, 0))
  await passed(office)
  expect(isDone).toBe(true)
  await passed(office, 2_000)
  expect(leader.events).toEqual([])
  expect(await counts(office, ids)).toEqual([3])
})

test('what was asked before a server lost all, and is done after it, is released', async () => {
  const { office, ids } = await mediaOffice(new World(1), 1)
  const { pool, media: control } = await lead(office, 'node-1')
  const call = 'one' as CallId
  const [a, b] = media('one') as [MediaId, MediaId]
  const offer = { call, from: a, to: b, sdp: phone(4_000), restated: false }
  await control.relayOffer(offer)
  office.cut(at(ids, 0))
  const again = control.relayOffer(offer)
  const { carrier } = office.servers.get(at(ids, 0))?.media ?? {}
  await carrier?.ask({ method: 'release', media: [a, b] })
  office.mend(at(ids, 0))
  expect((await again).ok).toBe(true)
  await control.release([a, b])
  expect(await counts(office, ids)).toEqual([0])
  pool.stop()
})

test('what a server carried is lost a second after it was last heard of', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const leader = await lead(office, 'node-1')
  await talk(leader, 'one')
  await talk(leader, 'two')
  office.cut(at(ids, 0))
  await passed(office, 900)
  expect(leader.events).toEqual([])
  await passed(office, 200)
  expect(leader.events).toEqual([{ kind: 'lost', media: media('one') }])
  // It is placed anew under the same name; back again, the server is rid of what it had.
  await talk(leader, 'one')
  office.mend(at(ids, 0))
  await passed(office)
  expect(await counts(office, ids)).toEqual([0, 4])
})

test.each(['at once', 'late'])(
  'a session that two servers tell a successor of is made anew, %s',
  async (when) => {
    const { office, ids } = await mediaOffice(new World(1), 2)
    const first = await lead(office, 'node-1')
    await talk(first, 'one')
    // The one that had it is away when it is made anew on the other.
    office.cut(at(ids, 0))
    await passed(office, 1_100)
    await talk(first, 'one')
    if (when === 'at once') office.up.add(at(ids, 0))
    const second = await lead(office, 'node-2')
    const resumed = second.media.resume(media('one'), [])
    await passed(office, when === 'at once' ? 0 : 2_100)
    expect(await resumed).toBe(when === 'late')
    if (when === 'late') office.mend(at(ids, 0))
    await passed(office)
    expect(second.events).toEqual([{ kind: 'lost', media: media('one') }])
    expect(await counts(office, ids)).toEqual([0, 0])
    await talk(second, 'one')
    expect((await counts(office, ids)).toSorted((one, other) => one - other)).toEqual([0, 2])
  },
)

test('two calls on two servers become one', async () => {
  const { office, ids } = await mediaOffice(new World(1), 2)
  const leader = await lead(office, 'node-1')
  await talk(leader, 'one')
  await talk(leader, 'two')
  const call = 'two' as CallId
  const [a, b] = ['one-a', 'two-b'] as MediaId[] as [MediaId, MediaId]
  const joined = await leader.media.connect({ call, a, b })
  if (!joined.ok || joined.value === undefined) throw new Error('a is told nothing')
  expect(joined.value).toContain('m=audio ')
  const closed = await leader.media.relayAnswer({ call, from: a, to: b, sdp: phone(4_000) })
  expect(closed.ok).toBe(true)
  expect(await counts(office, ids)).toEqual([1, 3])
  expect(await leader.media.resume([a, b], [a, b])).toBe(true)
})

async function sessionsOf({ local }: Leader): Promise<unknown> {
  return local.carrier.ask({ method: 'sessions' })
}

test('a server hears of a node that comes while it is led: that one may lead next', async () => {
  const { office, ids } = await mediaOffice(new World(1), 1)
  const leader = await lead(office, 'node-1')
  await talk(leader, 'one')
  const server = office.servers.get(at(ids, 0))
  expect(server?.nodes).toEqual(['node-1'])
  office.nodes = [nodeAt('node-1'), nodeAt('node-2')]
  await passed(office, 2_000)
  expect(server?.nodes).toEqual(['node-1', 'node-2'])
  // What it carries goes on.
  expect(leader.events.filter(({ kind }) => kind === 'lost')).toEqual([])
  expect(await counts(office, ids)).toEqual([2])
  expect(await leader.media.release(media('one'))).toMatchObject([{ codec: 'PCMU' }, {}])
})
