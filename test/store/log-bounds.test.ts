//! How much of the log is kept, in entries and in bytes, for whom, and how it goes: a portion with
//! each transaction of the thread that keeps the lease.

import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assert } from '../../src/base/assert.ts'
import type { NodeId } from '../../src/raft/entry.ts'
import { ReadConnection } from '../../src/store/database.ts'
import { integer } from '../../src/store/row.ts'
import { put } from './commands.ts'
import { Group, IDS } from './group.ts'

const BATCH = 10
const KEPT = { entries: 200, bytes: 100_000 }
/** What may be there besides what is kept, and goes at once: a tenth, and what came with it. */
const ENTRIES_MAX = 200 + 20 + BATCH
const BYTES_MAX = 100_000 + 10_000 + BATCH * 5_500
/** Times as many bytes, for whom a snapshot is sent. */
const HELD = 8
/** Ticks until who is silent is given up. */
const SILENT = 3_000

let group: Group
beforeEach(() => {
  group = new Group()
  group.kept = KEPT
  for (const id of IDS) group.start(id)
  group.tick(300)
})
afterEach(() => {
  for (const id of IDS) group.stop(id)
})

/** Each of so many bytes, some at a time. */
function propose(times: number, bytes: number): void {
  for (let from = 0; from < times; from += BATCH) {
    const proposals = Array.from({ length: Math.min(BATCH, times - from) }, (_, place) => {
      const value = `${from + place} `.padEnd(bytes, 'x')
      return { command: put(`k${place}`, value), key: undefined }
    })
    group.leader.propose(proposals)
    group.run()
  }
}

/** What stands in the log of a node. */
function logOf(id: NodeId): { readonly entries: number; readonly bytes: number } {
  const db = ReadConnection.open(group.file(id), { addon: undefined })
  const row = db.get('SELECT count(*) AS n, coalesce(sum(length(data)), 0) AS size FROM raft_log')
  db.close()
  assert(row !== undefined, 'a sum has a row')
  return { entries: integer(row, 'n'), bytes: integer(row, 'size') }
}

function follower(): NodeId {
  const id = IDS.find((each) => group.nodes.get(each)?.replica !== group.leader)
  assert(id !== undefined, 'two follow')
  return id
}

/** It comes back behind the log, and is sent a snapshot that does not arrive. */
async function sendInVain(away: NodeId): Promise<void> {
  group.stop(away)
  propose(300, 10)
  group.losesChunks = true
  group.start(away)
  await until(() => stateOf(away) === 'snapshot')
}

function stateOf(id: NodeId): string | undefined {
  return group.leader.status.followers.find((each) => each.id === id)?.state
}

/** A copy is made in steps, between other work. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 1_000 && !isSo(); turns++) {
    await turn()
    group.tick(1)
  }
  expect(isSo()).toBe(true)
}

test('small entries are kept by their number, on all nodes', () => {
  propose(400, 10)
  for (const id of IDS) {
    expect(logOf(id).entries).toBeLessThanOrEqual(ENTRIES_MAX)
    expect(logOf(id).entries).toBeGreaterThanOrEqual(KEPT.entries)
  }
})

/** Of large entries. */
function expectFull(id: NodeId): void {
  expect(logOf(id).bytes).toBeLessThan(BYTES_MAX)
  expect(logOf(id).bytes).toBeGreaterThan(0.9 * KEPT.bytes)
}

test('large ones are kept by their bytes, also after a restart', () => {
  propose(60, 5_000)
  for (const id of IDS) expectFull(id)
  const id = follower()
  group.stop(id)
  group.start(id)
  group.tick(20)
  propose(100, 5_000)
  for (const each of IDS) expectFull(each)
})

test('the log that was held for a follower goes in portions, once that is silent', async () => {
  const away = follower()
  await sendInVain(away)
  group.stop(away)
  const { id } = group.leader.status
  propose(700, 10)
  expect(logOf(id).entries).toBeGreaterThan(700)
  group.tick(SILENT)
  expect(stateOf(away)).toBe('probe')
  for (let before = logOf(id).entries; before > ENTRIES_MAX;) {
    propose(1, 10)
    const { entries } = logOf(id)
    expect(entries).toBeLessThan(before)
    // With it, perhaps, a comparison of states: a transaction of its own.
    expect(entries).toBeGreaterThanOrEqual(before - 2 * 20)
    before = entries
  }
  // And it gets another when it is back.
  group.losesChunks = false
  group.start(away)
  await until(() => stateOf(away) === 'replicate')
  group.tick(30)
  expect(group.dump(away)).toBe(group.dump(id))
})

test('for one that answers and gets no further so much is held and no more', async () => {
  const away = follower()
  propose(30, 5_000)
  await sendInVain(away)
  const { id } = group.leader.status
  propose(300, 5_000)
  expect(stateOf(away)).toBe('snapshot')
  const { bytes } = logOf(id)
  expect(bytes).toBeGreaterThan(KEPT.bytes)
  expect(bytes).toBeLessThan(HELD * KEPT.bytes + BYTES_MAX)
  group.losesChunks = false
  await until(() => stateOf(away) === 'replicate')
  // It goes in portions of bytes, too.
  const before = logOf(id).bytes
  propose(1, 10)
  expect(logOf(id).bytes).toBeLessThan(before)
  expect(logOf(id).bytes).toBeGreaterThan(before - 30_000)
  propose(100, 5_000)
  expectFull(away)
})

test('who is alone from now on has a log without gaps while it goes', () => {
  propose(300, 10)
  const { id } = group.leader.status
  for (const gone of IDS.filter((each) => each !== id)) {
    const { voters } = group.leader.status.membership
    const left = voters.filter((each) => each !== gone)
    expect(group.leader.ask((raft) => raft.change({ voters: left, learners: [] })).ok).toBe(true)
    group.run()
    group.stop(gone)
  }
  propose(3, 10)
  const { entries } = logOf(id)
  expect(entries).toBeGreaterThan(0)
  // What is left is read when it begins again.
  group.start(id)
  group.tick(300)
  for (let time = 0; time < 15; time++) propose(1, 10)
  expect(logOf(id).entries).toBe(0)
  propose(1, 10)
  expect(logOf(id).entries).toBe(0)
})
