//! What every LogStorage must do. Run against SQLite and against the disk of the simulation:
//!
//!     logStorageContract('SQLite', open)

import { afterEach, describe, expect, test } from 'vitest'
import {
  logIndex,
  term,
  type Entry,
  type HardState,
  type LogIndex,
  type NodeId,
  type Payload,
} from '../../src/raft/entry.ts'
import type { LogStorage } from '../../src/raft/log-storage.ts'
import type { Membership } from '../../src/raft/membership.ts'
import type { Ready } from '../../src/raft/ready.ts'

/** An empty one, of a node that begins with `ABC`. */
export type LogBench = {
  readonly storage: () => LogStorage
  /** One transaction, made to last. */
  readonly write: (ready: Ready) => void
  readonly compact: (index: LogIndex, membership: Membership) => void
  /** As after a restart. */
  readonly reopen: () => void
  readonly close: () => void
}

export const ABC: Membership = { voters: ['a', 'b', 'c'] as NodeId[], learners: [] }
const AB: Membership = { voters: ['a', 'b'] as NodeId[], learners: ['c' as NodeId] }

export function logStorageContract(name: string, open: () => LogBench): void {
  describe(`LogStorage: ${name}`, () => {
    let bench: LogBench | undefined
    afterEach(() => bench?.close())
    for (const [title, run] of CASES)
      test(title, () => {
        bench = open()
        run(bench)
      })
  })
}

const CASES: readonly (readonly [title: string, run: (bench: LogBench) => void])[] = [
  ['begins with nothing, and the membership it was given', begins],
  ['keeps entries and the state, over a restart too', keeps],
  ['gives no more than asked for in bytes, and never nothing', bounds],
  ['an entry takes the place of all from there on', replaces],
  ['names every membership in the log', lists],
  ['compacted, it begins behind what is gone', compacts],
  ['a snapshot takes the place of everything', restores],
]

function begins({ storage }: LogBench): void {
  const { hardState, applied, memberships } = storage().initial()
  expect(hardState).toEqual({ term: 0, vote: undefined, commit: 0 })
  expect(applied).toBe(0)
  expect(memberships).toMatchObject([{ index: 0, membership: ABC }])
  expect([storage().first(), storage().last()]).toEqual([1, 0])
  expect([0, 1].map((index) => storage().term(logIndex(index)))).toEqual([0, undefined])
}

function keeps({ storage, write, reopen }: LogBench): void {
  const hardState: HardState = { term: term(2), vote: 'b' as NodeId, commit: logIndex(0) }
  write(ready({ hardState, entries: [entry(1, 1), command(2, 2, 'x'), command(3, 2, 'y')] }))
  for (const open of [(): void => {}, reopen]) {
    open()
    expect(storage().initial().hardState).toEqual(hardState)
    expect(storage().last()).toBe(3)
    expect(shown(storage(), 1, 3)).toEqual(['1/1', '2/2 x', '3/2 y'])
    expect(shown(storage(), 2, 2)).toEqual(['2/2 x'])
    expect([1, 3, 4].map((index) => storage().term(logIndex(index)))).toEqual([1, 2, undefined])
  }
}

function bounds({ storage, write }: LogBench): void {
  write(ready({ entries: [1, 2, 3, 4].map((index) => command(index, 1, 'x'.repeat(100))) }))
  expect(storage().entries(logIndex(1), logIndex(4), 300)).toHaveLength(2)
  expect(storage().entries(logIndex(3), logIndex(4), 300)).toHaveLength(2)
  expect(storage().entries(logIndex(2), logIndex(4), 1)).toHaveLength(1)
}

function replaces({ storage, write, reopen }: LogBench): void {
  write(ready({ entries: [entry(1, 1), command(2, 1, 'x'), command(3, 1, 'y'), entry(4, 1)] }))
  write(ready({ entries: [command(2, 2, 'z')] }))
  for (const open of [(): void => {}, reopen]) {
    open()
    expect(storage().last()).toBe(2)
    expect(shown(storage(), 1, 2)).toEqual(['1/1', '2/2 z'])
    expect(storage().term(logIndex(3))).toBeUndefined()
  }
  write(ready({ entries: [command(3, 2, 'w')] }))
  expect(shown(storage(), 1, 3)).toEqual(['1/1', '2/2 z', '3/2 w'])
}

function lists({ storage, write }: LogBench): void {
  write(ready({ entries: [entry(1, 1), changed(2, 1, AB), changed(3, 1, ABC)] }))
  const named = (): readonly number[] =>
    storage()
      .initial()
      .memberships.map(({ index }) => index)
  expect(named()).toEqual([0, 2, 3])
  expect(storage().initial().memberships[1]?.membership).toEqual(AB)
  write(ready({ entries: [command(3, 2, 'x')] }))
  expect(named()).toEqual([0, 2])
}

function compacts({ storage, write, compact, reopen }: LogBench): void {
  const entries = [entry(1, 1), changed(2, 1, AB), command(3, 2, 'x'), command(4, 2, 'y')]
  write(ready({ entries, committed: entries.slice(0, 3) }))
  compact(logIndex(3), AB)
  for (const open of [(): void => {}, reopen]) {
    open()
    expect([storage().first(), storage().last()]).toEqual([4, 4])
    expect([2, 3, 4].map((index) => storage().term(logIndex(index)))).toEqual([undefined, 2, 2])
    expect(shown(storage(), 4, 4)).toEqual(['4/2 y'])
    expect(storage().initial().memberships).toMatchObject([{ index: 3, membership: AB }])
  }
}

function restores({ storage, write, reopen }: LogBench): void {
  write(ready({ entries: [entry(1, 1), command(2, 1, 'gone')] }))
  const data = Buffer.from('[["x"]]')
  const snapshot = { index: logIndex(7), term: term(3), membership: AB, size: data.length }
  const hardState: HardState = { term: term(3), vote: undefined, commit: logIndex(7) }
  write(ready({ hardState, snapshot, chunks: [{ snapshot, offset: 0, data }] }))
  for (const open of [(): void => {}, reopen]) {
    open()
    expect([storage().first(), storage().last()]).toEqual([8, 7])
    expect([2, 7, 8].map((at) => storage().term(logIndex(at)))).toEqual([undefined, 3, undefined])
    expect(storage().initial().memberships).toMatchObject([{ index: 7, membership: AB }])
  }
  write(ready({ entries: [command(8, 3, 'on')] }))
  expect(shown(storage(), 8, 8)).toEqual(['8/3 on'])
}

function ready(change: Partial<Ready>): Ready {
  return {
    hardState: undefined,
    entries: [],
    snapshot: undefined,
    chunks: [],
    committed: [],
    early: [],
    messages: [],
    reads: [],
    mustSync: true,
    wantsSnapshot: false,
    round: undefined,
    ...change,
  }
}

function entry(index: number, of: number, payload: Payload = { kind: 'empty' }): Entry {
  return { index: logIndex(index), term: term(of), payload }
}

function command(index: number, of: number, text: string): Entry {
  return entry(index, of, { kind: 'command', data: Buffer.from(text) })
}

function changed(index: number, of: number, membership: Membership): Entry {
  return entry(index, of, { kind: 'membership', membership })
}

function shown(storage: LogStorage, from: number, to: number): readonly string[] {
  const entries = storage.entries(logIndex(from), logIndex(to), 1_000_000)
  return entries.map(({ index, term: of, payload }) => {
    const place = `${index}/${of}`
    return payload.kind === 'command' ? `${place} ${Buffer.from(payload.data).toString()}` : place
  })
}
