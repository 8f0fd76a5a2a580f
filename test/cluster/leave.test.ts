//! Nodes that are stopped, with the threads and links that they really have.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { leave, openGroup } from '../bench/commit/group.ts'
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
