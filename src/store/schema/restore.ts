//! A restore on its way into the state. Rows of a backup wait here, batch by batch, until one
//! command puts all of them in the place of what there is: on every node the old state or the new
//! one, never a part of each. Records of calls replace nothing and may be most of it: they are
//! added afterwards, some at a time, whatever happens to the node that does it.
//!
//! Class: durable; gone when the restore is over.

import { inflateRawSync } from 'node:zlib'
import { assert } from '../../base/assert.ts'
import { fromJson } from '../bytes-json.ts'
import { bytes, integer, text } from '../row.ts'
import {
  refuse,
  type Migration,
  type ReadOnlyDatabase,
  type Refusal,
  type Schema,
  type SqlValue,
  type WritableDatabase,
} from '../store.ts'
import { Constraints, fitsInto, type Values } from './constraints.ts'
import { schemaVersion } from './version.ts'

/**
 * The tables that a backup holds, in the order in which they are restored. What is not here is of
 * the running system: calls, bindings, subscriptions, nodes and servers, and their log.
 */
export const PARTS = [
  'tenants',
  'domains',
  'extensions',
  'accounts',
  'api_tokens',
  'message_waiting',
  'settings',
  'cdrs',
] as const
export type Part = (typeof PARTS)[number]

/** Records of calls are history: those of the backup come to the ones that are there. */
const ADDED: ReadonlySet<Part> = new Set<Part>(['cdrs'])

export type RestoreCommand =
  /** What an earlier one has left goes. `restore` is a name that no other has. */
  | {
      readonly kind: 'restore.begun'
      readonly restore: string
      /** That the rows are of. Until the restore is over it stays in force. */
      readonly schema: number
    }
  | ({ readonly kind: 'restore.staged'; readonly restore: string; readonly place: number } & Batch)
  /** Takes effect: `places` batches, in the place of all that is in `replaced`. */
  | {
      readonly kind: 'restore.finished'
      readonly restore: string
      readonly places: number
      readonly replaced: readonly Part[]
    }
  /** The next records; until there are no more. */
  | { readonly kind: 'restore.added' }
  /** Refused when it has taken effect: what is left of it is to be added. */
  | { readonly kind: 'restore.dropped' }

/** Rows of one part: JSON, an array of each row's values by column, deflated. */
export type Batch = { readonly part: Part; readonly rows: Uint8Array }

/** Batches of records that one command adds: some 20 ms. */
const ADDED_AT_ONCE = 4
/** Of a batch when it is inflated. */
export const BATCH_MAX = 16 << 20

const TABLES = `
CREATE TABLE restore (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL
) STRICT;
CREATE TABLE restore_batches (
  place INTEGER PRIMARY KEY,
  part TEXT NOT NULL,
  batch BLOB NOT NULL
) STRICT;
`
const WITH_FINISHED = 'ALTER TABLE restore ADD COLUMN is_finished INTEGER NOT NULL DEFAULT 0'
const migrations: readonly Migration[] = [
  { version: 6, sql: TABLES },
  { version: 8, sql: WITH_FINISHED },
]

export const restoreSchema: Schema<RestoreCommand> = { migrations, apply }

function apply(db: WritableDatabase, command: RestoreCommand): Refusal | undefined {
  if (command.kind === 'restore.added') return add(db)
  if (isAdding(db)) return refuse('the records of the restore before are still being added')
  if (command.kind === 'restore.dropped') return drop(db)
  if (command.kind === 'restore.begun') {
    if (command.schema !== schemaVersion(db)) return refuse(OTHER_SCHEMA)
    drop(db)
    db.run('INSERT INTO restore VALUES (1, ?, 0)', command.restore)
    return undefined
  }
  if (nameOf(db) !== command.restore) return refuse('this restore has been given up')
  if (command.kind === 'restore.finished') return finish(db, command)
  const { place, part, rows } = command
  db.run('INSERT OR REPLACE INTO restore_batches VALUES (?, ?, ?)', place, part, rows)
  return undefined
}

const OTHER_SCHEMA = 'the nodes have gone over to another schema meanwhile: restore it again'

/** Whether one has begun and is not over: in a node that has just begun to serve, a dead one. */
export function isRestoring(db: ReadOnlyDatabase): boolean {
  return nameOf(db) !== undefined
}

/** Whether one has taken effect, and has records that are not added yet. */
export function isAdding(db: ReadOnlyDatabase): boolean {
  return db.get('SELECT 1 FROM restore WHERE is_finished = 1') !== undefined
}

function nameOf(db: ReadOnlyDatabase): string | undefined {
  const row = db.get('SELECT name FROM restore')
  return row === undefined ? undefined : text(row, 'name')
}

function drop(db: WritableDatabase): undefined {
  db.run('DELETE FROM restore')
  db.run('DELETE FROM restore_batches')
}

type Finish = Extract<RestoreCommand, { kind: 'restore.finished' }>

function finish(db: WritableDatabase, { places, replaced }: Finish): Refusal | undefined {
  const [staged, wanted] = ['place < ?', 'place >= ?'].map((where) => {
    const found = db.get(`SELECT count(*) AS n FROM restore_batches WHERE ${where}`, places)
    return found && integer(found, 'n')
  })
  if (staged !== places) return refuse('a part of the backup has not arrived')
  // Or it would never be over.
  if (wanted !== 0) return refuse('more than the backup has arrived')
  const wrong = contradictionIn(db, places)
  if (wrong !== undefined) return refuse(`the backup contradicts itself: ${wrong}`)
  // Tenants go before their domains do.
  db.run('PRAGMA defer_foreign_keys = ON')
  for (const part of replaced) db.run(`DELETE FROM ${known(part)}`)
  for (const place of placesOf(db, 'NOT IN', places)) insertBatch(db, place)
  db.run(`DELETE FROM claim WHERE EXISTS (
    SELECT 1 FROM accounts WHERE role = 'system-administrator')`)
  db.run(`DELETE FROM bindings WHERE NOT EXISTS (
    SELECT 1 FROM extensions e JOIN tenants t USING (tenant)
    WHERE e.tenant = bindings.tenant AND e.user = bindings.user AND e.enabled = 1
    AND bindings.aor LIKE '%@' || t.primary_domain)`)
  db.run('UPDATE restore SET is_finished = 1')
  return endWhenEmpty(db)
}

/** Whoever has made an image has looked already; rows that do not fit must not get this far. */
function contradictionIn(db: ReadOnlyDatabase, places: number): string | undefined {
  const constraints = new Constraints(db)
  for (const place of placesOf(db, 'NOT IN', places)) {
    const { part, json } = batchAt(db, place)
    // What is in bytes does not matter here, and costs most.
    const wrong = constraints.take(part, JSON.parse(json) as readonly Values[])
    if (wrong !== undefined) return wrong
  }
  return constraints.left()
}

function add(db: WritableDatabase): Refusal | undefined {
  if (!isAdding(db)) return refuse('no restore has records to be added')
  for (const place of placesOf(db, 'IN', ADDED_AT_ONCE)) insertBatch(db, place)
  return endWhenEmpty(db)
}

function endWhenEmpty(db: WritableDatabase): undefined {
  if (db.get('SELECT 1 FROM restore_batches LIMIT 1') === undefined) drop(db)
}

/** Of batches that are added, or of those that are not; the first so many. */
function placesOf(db: ReadOnlyDatabase, which: 'IN' | 'NOT IN', most: number): readonly number[] {
  const added = [...ADDED].map((part) => `'${part}'`).join(', ')
  const select = `SELECT place FROM restore_batches WHERE part ${which} (${added})`
  return db.all(`${select} ORDER BY place LIMIT ?`, most).map((row) => integer(row, 'place'))
}

function insertBatch(db: WritableDatabase, place: number): void {
  const { part, json } = batchAt(db, place)
  const all = fromJson(json) as readonly (readonly SqlValue[])[]
  db.run('DELETE FROM restore_batches WHERE place = ?', place)
  // IGNORE does not go for types.
  const rows = ADDED.has(part) ? all.filter(fitsInto(db, part)) : all
  const [first] = rows
  if (first === undefined) return
  const verb = ADDED.has(part) ? 'INSERT OR IGNORE' : 'INSERT'
  const insert = `${verb} INTO ${part} VALUES (${first.map(() => '?').join(', ')})`
  for (const values of rows) db.run(insert, ...values)
}

function batchAt(db: ReadOnlyDatabase, place: number): { part: Part; json: string } {
  const row = db.get('SELECT part, batch FROM restore_batches WHERE place = ?', place)
  assert(row !== undefined, 'batches have been counted')
  // Of the proposer's making, from tables of the schema that is in force since it has begun.
  const inflated = inflateRawSync(bytes(row, 'batch'), { maxOutputLength: BATCH_MAX })
  return { part: known(text(row, 'part')), json: inflated.toString('utf8') }
}

function known(part: string): Part {
  const found = PARTS.find((each) => each === part)
  assert(found !== undefined, `${part} is a part that is restored`)
  return found
}
