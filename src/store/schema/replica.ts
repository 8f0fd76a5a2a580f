//! What a replica knows of itself: how far it has applied the log, and which intents it has seen.
//! Written in the transaction that applies, so that it is never ahead of the state or behind it.

import type { Term } from '../../raft/entry.ts'
import { integer, text, textOrNone } from '../row.ts'
import type {
  IdempotencyKey,
  LogIndex,
  Migration,
  ReadOnlyDatabase,
  WritableDatabase,
} from '../store.ts'

/** How many entries back an intent is remembered: at 4,500 a second, a bit over half a minute. */
const REMEMBERED_ENTRIES = 200_000

const TABLES = `
CREATE TABLE replica (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  applied_index INTEGER NOT NULL,
  key_check TEXT NOT NULL
) STRICT;
CREATE TABLE idempotency (
  key TEXT PRIMARY KEY,
  log_index INTEGER NOT NULL,
  refusal TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_index ON idempotency (log_index);
`

/** Without peers terms had no meaning; Raft begins with 1. */
const WITH_TERM = 'ALTER TABLE replica ADD COLUMN applied_term INTEGER NOT NULL DEFAULT 1'

/** Of the replicated tables (`replica/state-digest.ts`); and what was found when it was wrong. */
const WITH_DIGEST = `
ALTER TABLE replica ADD COLUMN digest TEXT;
ALTER TABLE replica ADD COLUMN diverged TEXT;
`

export const replicaSchema: { readonly migrations: readonly Migration[] } = {
  migrations: [
    { version: 1, sql: TABLES },
    { version: 3, sql: WITH_TERM },
    { version: 5, sql: WITH_DIGEST },
  ],
}

export type ReplicaRow = {
  readonly appliedIndex: LogIndex
  /** Of the entry at that index. */
  readonly appliedTerm: Term
  readonly keyCheck: string
}

export function replicaRow(db: ReadOnlyDatabase): ReplicaRow | undefined {
  const row = db.get('SELECT * FROM replica')
  if (row === undefined) return undefined
  const appliedIndex = integer(row, 'applied_index') as LogIndex
  const appliedTerm = integer(row, 'applied_term') as Term
  return { appliedIndex, appliedTerm, keyCheck: text(row, 'key_check') }
}

export function insertReplica(db: WritableDatabase, keyCheck: string): void {
  db.run('INSERT INTO replica VALUES (1, 0, ?, 0, NULL, NULL)', keyCheck)
}

/** With the digest of the state after it. */
export function setApplied(
  db: WritableDatabase,
  { index, term, digest }: { index: LogIndex; term: Term; digest: string },
): void {
  const set = 'UPDATE replica SET applied_index = ?, applied_term = ?, digest = ?'
  db.run(set, index, term, digest)
}

/** Undefined in a database that has none yet. */
export function digestOf(db: ReadOnlyDatabase): string | undefined {
  const row = db.get('SELECT digest FROM replica')
  return row === undefined ? undefined : textOrNone(row, 'digest')
}

export function setDigest(db: WritableDatabase, digest: string): void {
  db.run('UPDATE replica SET digest = ?', digest)
}

/** What was found: this state must not be used any more, not after a restart either. */
export function setDiverged(db: WritableDatabase, found: string): void {
  db.run('UPDATE replica SET diverged = ?', found)
}

export function divergedOf(db: ReadOnlyDatabase): string | undefined {
  const row = db.get('SELECT diverged FROM replica')
  return row === undefined ? undefined : textOrNone(row, 'diverged')
}

export type Remembered = { readonly index: LogIndex; readonly refusal: string | undefined }

export function remembered(db: ReadOnlyDatabase, key: IdempotencyKey): Remembered | undefined {
  const row = db.get('SELECT * FROM idempotency WHERE key = ?', key)
  if (row === undefined) return undefined
  return { index: integer(row, 'log_index') as LogIndex, refusal: textOrNone(row, 'refusal') }
}

export function remember(
  db: WritableDatabase,
  key: IdempotencyKey,
  index: LogIndex,
  refusal: string | undefined,
): void {
  db.run('INSERT INTO idempotency VALUES (?, ?, ?)', key, index, refusal ?? null)
  db.run('DELETE FROM idempotency WHERE log_index <= ?', index - REMEMBERED_ENTRIES)
}
