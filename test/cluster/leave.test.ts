//! Whom leadership is left to, with the threads and links that nodes really have.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
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
    'no other node is ready to serve: node-2 is drained, node-3 is drained',
  )
  expect(await one.cluster.handOver()).toBeUndefined()
  await vi.waitUntil(() => isActive(two) || isActive(three), PATIENCE)
  // Twice as long as it takes to notice who would serve better.
  await new Promise((resolve) => void setTimeout(resolve, 2_000))
  expect(isActive(one)).toBe(false)
  await close()
  rmSync(directory, { recursive: true })
})

const PATIENCE = { timeout: 10_000 }

const isActive = ({ cluster }: Member): boolean => cluster.standing?.isActive === true

const unfit = ({ cluster }: Member): readonly string[] =>
  (cluster.standing?.members ?? []).flatMap(({ unfit }) => unfit ?? [])
