//! Raft's own state: the log, the term, the vote, and where the log begins. Of this node alone:
//! no command changes it, and no snapshot holds it.
//!
//! Class: durable; written in the transaction that applies what is committed.

import { assert } from '../../base/assert.ts'
import {
  logIndex,
  term,
  type Entry,
  type HardState,
  type LogIndex,
  type NodeId,
  type Payload,
  type Term,
} from '../../raft/entry.ts'
import type { Membership, MembershipAt } from '../../raft/membership.ts'
import { bytes, integer, text, textOrNone } from '../row.ts'
import type { Migration, ReadOnlyDatabase, Row, WritableDatabase } from '../store.ts'

const TABLES = `
CREATE TABLE raft (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  node TEXT NOT NULL,
  term INTEGER NOT NULL,
  vote TEXT,
  commit_index INTEGER NOT NULL,
  base_index INTEGER NOT NULL,
  base_term INTEGER NOT NULL,
  base_membership TEXT NOT NULL
) STRICT;
CREATE TABLE raft_log (
  log_index INTEGER PRIMARY KEY,
  term INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE INDEX raft_log_memberships ON raft_log (log_index) WHERE kind = 2;
`

export const raftSchema: { readonly migrations: readonly Migration[] } = {
  migrations: [{ version: 3, sql: TABLES }],
}

/** Of the `kind` column: never changed once released. */
const KINDS = { empty: 0, command: 1, membership: 2 } as const

/** Of a row besides its data. */
const ROW_BYTES = 24

/** Everything up to `index` is in the state, and may be gone from the log. */
export type LogBase = {
  readonly index: LogIndex
  readonly term: Term
  readonly membership: Membership
}

export function raftRow(
  db: ReadOnlyDatabase,
): { readonly node: NodeId; readonly hardState: HardState; readonly base: LogBase } | undefined {
  const row = db.get('SELECT * FROM raft')
  if (row === undefined) return undefined
  const vote = textOrNone(row, 'vote') as NodeId | undefined
  const commit = logIndex(integer(row, 'commit_index'))
  const membership = JSON.parse(text(row, 'base_membership')) as Membership
  return {
    node: text(row, 'node') as NodeId,
    hardState: { term: term(integer(row, 'term')), vote, commit },
    base: {
      index: logIndex(integer(row, 'base_index')),
      term: term(integer(row, 'base_term')),
      membership,
    },
  }
}

/** What this node begins with. It is `node` for ever: its promises are in its name. */
export function insertRaft(db: WritableDatabase, node: NodeId, base: LogBase): void {
  const { index, term: of, membership } = base
  const insert = 'INSERT INTO raft VALUES (1, ?, ?, NULL, ?, ?, ?, ?)'
  db.run(insert, node, of, index, index, of, JSON.stringify(membership))
}

export function setHardState(db: WritableDatabase, { term: of, vote, commit }: HardState): void {
  db.run('UPDATE raft SET term = ?, vote = ?, commit_index = ?', of, vote ?? null, commit)
}

/** Entries up to there are no longer needed, or have been taken over as a snapshot. */
export function setBase(db: WritableDatabase, { index, term: of, membership }: LogBase): void {
  const memberships = JSON.stringify(membership)
  const set = 'UPDATE raft SET base_index = ?, base_term = ?, base_membership = ?'
  db.run(set, index, of, memberships)
  db.run('DELETE FROM raft_log WHERE log_index <= ?', index)
}

/** In place of all from the first of them on. */
export function storeEntries(
  db: WritableDatabase,
  entries: readonly Entry[],
  last: LogIndex,
): void {
  const [first] = entries
  if (first === undefined) return
  if (first.index <= last) db.run('DELETE FROM raft_log WHERE log_index >= ?', first.index)
  for (const { index, term: of, payload } of entries)
    db.run(
      'INSERT INTO raft_log VALUES (?, ?, ?, ?)',
      index,
      of,
      KINDS[payload.kind],
      bytesOf(payload),
    )
}

export function forgetEntries(db: WritableDatabase): void {
  db.run('DELETE FROM raft_log')
}

/** In log order, both ends included. */
export function* entriesBetween(
  db: ReadOnlyDatabase,
  from: LogIndex,
  to: LogIndex,
): Generator<Entry, void> {
  const select = 'SELECT * FROM raft_log WHERE log_index BETWEEN ? AND ? ORDER BY log_index'
  for (const row of db.each(select, from, to)) yield entryOf(row)
}

/** What an entry takes when it is stored, about. */
export function storedBytes({ payload }: Entry): number {
  return ROW_BYTES + bytesOf(payload).length
}

/** In all, of entries up to `last`. */
export function bytesUpTo(db: ReadOnlyDatabase, last: LogIndex): number {
  const select = `SELECT coalesce(sum(${ROW_BYTES} + length(data)), 0) AS bytes FROM raft_log`
  const row = db.get(`${select} WHERE log_index <= ?`, last)
  assert(row !== undefined, 'a sum has a row')
  return integer(row, 'bytes')
}

/** The first so many of the log up to `last`, oldest first, and what each takes. */
export function* oldestEntries(
  db: ReadOnlyDatabase,
  most: number,
  last: LogIndex,
): Generator<{ readonly index: LogIndex; readonly bytes: number }, void> {
  const select = `SELECT log_index, ${ROW_BYTES} + length(data) AS bytes FROM raft_log`
  const first = 'WHERE log_index <= ? ORDER BY log_index LIMIT ?'
  for (const row of db.each(`${select} ${first}`, last, most))
    yield { index: logIndex(integer(row, 'log_index')), bytes: integer(row, 'bytes') }
}

export function termAt(db: ReadOnlyDatabase, index: LogIndex): Term | undefined {
  const row = db.get('SELECT term FROM raft_log WHERE log_index = ?', index)
  return row === undefined ? undefined : term(integer(row, 'term'))
}

export function lastEntry(db: ReadOnlyDatabase): Entry | undefined {
  const row = db.get('SELECT * FROM raft_log ORDER BY log_index DESC LIMIT 1')
  return row === undefined ? undefined : entryOf(row)
}

export function membershipsInLog(db: ReadOnlyDatabase): readonly MembershipAt[] {
  const select = 'SELECT * FROM raft_log WHERE kind = 2 ORDER BY log_index'
  return db.all(select).map((row) => {
    const { index, payload } = entryOf(row)
    assert(payload.kind === 'membership', `entry ${index} is a membership`)
    return { index, membership: payload.membership }
  })
}

function bytesOf(payload: Payload): Uint8Array {
  if (payload.kind === 'command') return payload.data
  if (payload.kind === 'empty') return NOTHING
  return Buffer.from(JSON.stringify(payload.membership))
}

const NOTHING = new Uint8Array(0)

function entryOf(row: Row): Entry {
  const index = logIndex(integer(row, 'log_index'))
  return { index, term: term(integer(row, 'term')), payload: payloadOf(row) }
}

function payloadOf(row: Row): Payload {
  const data = bytes(row, 'data')
  switch (integer(row, 'kind')) {
    case KINDS.empty:
      return { kind: 'empty' }
    case KINDS.command:
      return { kind: 'command', data }
    case KINDS.membership: {
      const membership = JSON.parse(Buffer.from(data).toString('utf8')) as Membership
      return { kind: 'membership', membership }
    }
    default:
      throw new Error(`entry ${integer(row, 'log_index')} is of a kind that is not known here`)
  }
}
