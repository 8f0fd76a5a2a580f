//! Whom leadership is left to, with the threads and links that nodes really have.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import type { NodeId } from '../../src/control/ids.ts'
import { leave, openGroup, type Member } from '../bench/commit/group.ts'
import type { LoggedEvent } from '../store/host.ts'

test('who is stopped while it leads waits for nobody', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-leave-'))
  const { members } = await openGroup(directory)
  // As when nobody is ready to take over: the first leads.
  for (const member of members) await leave(member)
  const late = members.map(({ events }) => events.filter(isLate))
  expect(late).toEqual([[], [], []])
  rmSync(directory, { recursive: true })
})

const isLate = ({ event }: LoggedEvent): boolean => event === 'proposal.timed-out'

test('it goes to none that had better not serve, but from one that is stopped', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-leave-'))
  const { members, close } = await openGroup(directory)
  const [one, two, three] = members as [Member, Member, Member]
  for (const { cluster } of [two, three]) expect(await cluster.drain(true, false)).toBeUndefined()
  await vi.waitUntil(() => unfit(one).length === 2)
  expect(await one.cluster.transfer(undefined)).toBe(
    'no other node is ready to serve: node-2 (drained), node-3 (drained)',
  )
  expect(await one.cluster.handOver()).toBeUndefined()
  await vi.waitUntil(() => isActive(two) || isActive(three), PATIENCE)
  // Twice as long as it takes to notice who would serve better.
  await new Promise((resolve) => void setTimeout(resolve, 2_000))
  expect(isActive(one)).toBe(false)
  await close()
  rmSync(directory, { recursive: true })
})

test('who is gone is not handed it, and no other is removed before', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-leave-'))
  const { members } = await openGroup(directory)
  const [one, two, three] = members as [Member, Member, Member]
  expect(await one.cluster.transfer('node-7' as NodeId)).toMatch(
    /node-7 .* no node of this cluster/,
  )
  await leave(three)
  await vi.waitUntil(() => one.cluster.standing?.members[2]?.isConnected === false, PATIENCE)
  const [gone, there] = ['node-3', 'node-2'] as NodeId[] as [NodeId, NodeId]
  expect(await one.cluster.transfer(gone)).toBe('node-3 is not ready to serve: not connected')
  expect(await one.cluster.remove(there)).toBe(
    'without node-2 too few nodes would be there to go on: ' +
      'node-3 is not connected: remove it first, or start it',
  )
  expect(await one.cluster.remove(gone)).toBeUndefined()
  await vi.waitUntil(() => one.cluster.standing?.members.length === 2, PATIENCE)
  expect(await one.cluster.remove(there)).toBeUndefined()
  expect(isActive(one)).toBe(true)
  for (const member of [two, one]) await leave(member)
  rmSync(directory, { recursive: true })
})

test('the others know why another leads, and who is behind', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-leave-'))
  const { members, close } = await openGroup(directory)
  const [one, two, three] = members as [Member, Member, Member]
  const why = ({ cluster }: Member): string | undefined => cluster.standing?.why
  const lags = ({ cluster }: Member) => cluster.standing?.members.map(({ lag }) => lag)
  for (const member of members)
    await vi.waitUntil(() => lags(member)?.every((lag) => lag === 0), PATIENCE)
  expect(await one.cluster.transfer('node-2' as NodeId)).toBeUndefined()
  const asked = 'elected: node-1 handed over (an administrator asked for it)'
  for (const { member, who } of [
    { member: two, who: 'this node' },
    { member: three, who: 'node-2' },
  ])
    await vi.waitUntil(() => why(member) === `${who} was ${asked}`, PATIENCE)
  await vi.waitUntil(() => isActive(two), PATIENCE)
  expect(await two.cluster.drain(true, false)).toBeUndefined()
  await vi.waitUntil(() => why(two)?.endsWith('this node handed over (drained)'), PATIENCE)
  const before = ({ events }: Member): readonly unknown[] =>
    events.filter(({ event }) => event === 'leader.changed').map(({ fields }) => fields?.['before'])
  await vi.waitUntil(() => before(three).length === 3, PATIENCE)
  expect(before(three)).toEqual([undefined, 'node-1', 'node-2'])
  await close()
  rmSync(directory, { recursive: true })
})

const PATIENCE = { timeout: 10_000 }

const isActive = ({ cluster }: Member): boolean => cluster.standing?.isActive === true

const unfit = ({ cluster }: Member): readonly string[] =>
  (cluster.standing?.members ?? []).flatMap(({ unfit }) => unfit?.why ?? [])
