//! A digest of the state, by which nodes compare what they have come to: the sum of the digests of
//! all rows. A row that changes takes its old one out and puts its new one in, so the digest costs
//! what the change costs; and it does not depend on the order in which the rows came about, so
//! counting anew gives the same.
//!
//! It is kept by triggers of this connection alone: nothing of it is in the schema.

import { crc32 } from 'node:zlib'
import { integer, text } from '../row.ts'
import { digestOf, setDigest } from '../schema/replica.ts'
import { schemaVersion } from '../schema/version.ts'
import type { ReadOnlyDatabase, SqlValue } from '../store.ts'
import type { ReplicaDatabase } from './database.ts'

/** Of this node alone, never in a snapshot. */
const OWN_TABLES: ReadonlySet<string> = new Set(['raft', 'raft_log'])
/** Has the digest in it. */
const REPLICA = 'replica'
const FUNCTION = 'digest_row'

/** All tables whose rows are the same on every node. */
export function replicatedTables(db: ReadOnlyDatabase): readonly string[] {
  const select = "SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY name"
  const names = db.all(select).map((row) => text(row, 'name'))
  return names.filter((name) => !OWN_TABLES.has(name) && !name.startsWith('sqlite_'))
}

export class StateDigest {
  readonly #db: ReplicaDatabase
  #low = 0
  #high = 0
  #isBeingReplaced = false
  #schema = 0
  /** Tables, and their columns. */
  readonly #followed = new Map<string, readonly string[]>()

  /** As it was stored; counted when there is none of the schema in force. */
  constructor(db: ReplicaDatabase) {
    this.#db = db
    db.define(FUNCTION, (...values) => this.#onRow(values))
    // Else REPLACE would take rows away unseen.
    db.run('PRAGMA recursive_triggers = ON')
    this.#follow()
    const stored = digestOf(db)
    if (stored?.startsWith(`${this.#schema}:`) === true) this.#set(stored)
    else {
      this.count()
      db.transaction(() => setDigest(db, this.value))
    }
  }

  /** `schema:digest`. */
  get value(): string {
    return `${this.#schema}:${hex(this.#high)}${hex(this.#low)}`
  }

  /**
   * `migrate` changes tables and rows, all that it likes: it is called twice, and taken back once.
   * Tables that stay as they are are followed all the time, the others are counted. Within a
   * transaction.
   */
  migrated(migrate: () => void): void {
    for (const table of this.#changedBy(migrate)) {
      this.#count(table, -1)
      this.#unfollow(table)
      this.#followed.delete(table)
    }
    migrate()
    for (const table of this.#follow()) this.#count(table, 1)
  }

  /** Anew, row by row. */
  count(): void {
    this.#low = 0
    this.#high = 0
    for (const table of this.#followed.keys()) this.#count(table, 1)
  }

  /** `replace` puts other rows in place of all: what it has written is what is counted. */
  replaced(replace: () => void): void {
    this.#low = 0
    this.#high = 0
    this.#isBeingReplaced = true
    replace()
    this.#isBeingReplaced = false
  }

  /** Tables that were not followed before, and are from now on. */
  #follow(): readonly string[] {
    const db = this.#db
    this.#schema = schemaVersion(db)
    const fresh = replicatedTables(db).filter(
      (name) => name !== REPLICA && !this.#followed.has(name),
    )
    for (const table of fresh) {
      const columns = columnsOf(db, table)
      this.#followed.set(table, columns)
      db.script(triggers(table, columns))
    }
    return fresh
  }

  #unfollow(table: string): void {
    for (const event of EVENTS) this.#db.script(`DROP TRIGGER temp.${nameOf(table, event)}`)
  }

  /** Tables that go, get other columns, or are made anew: with a table its triggers go. */
  #changedBy(migrate: () => void): readonly string[] {
    const db = this.#db
    db.run('SAVEPOINT trial')
    for (const table of this.#followed.keys()) {
      // Ours name columns, which then could not go.
      this.#unfollow(table)
      db.script(`CREATE TEMP TRIGGER mark_${table} DELETE ON main.${table} BEGIN SELECT 1; END`)
    }
    migrate()
    const select = "SELECT name || ' ' || tbl_name AS mark FROM temp.sqlite_schema"
    const marks = new Set(db.all(select).map((row) => text(row, 'mark')))
    const changed = [...this.#followed].filter(([table, columns]) => {
      return (
        !marks.has(`mark_${table} ${table}`) || String(columnsOf(db, table)) !== String(columns)
      )
    })
    db.run('ROLLBACK TO trial')
    db.run('RELEASE trial')
    return changed.map(([table]) => table)
  }

  #count(table: string, sign: 1 | -1): void {
    const values = [sign, `'${table}'`, ...(this.#followed.get(table) ?? [])].join(', ')
    this.#db.get(`SELECT count(${FUNCTION}(${values})) FROM main.${table}`)
  }

  #set(value: string): void {
    const digits = value.slice(value.indexOf(':') + 1)
    this.#high = Number.parseInt(digits.slice(0, 8), 16)
    this.#low = Number.parseInt(digits.slice(8), 16)
  }

  #onRow([sign, ...values]: readonly SqlValue[]): null {
    if (sign === -1 && this.#isBeingReplaced) return null
    const hash = rowHash(values)
    const [low, high] = [mixed(hash), mixed(~hash)]
    this.#low = (sign === 1 ? this.#low + low : this.#low - low) >>> 0
    this.#high = (sign === 1 ? this.#high + high : this.#high - high) >>> 0
    return null
  }
}

function columnsOf(db: ReadOnlyDatabase, table: string): readonly string[] {
  const rows = db.all(`PRAGMA main.table_info(${table})`)
  return rows
    .toSorted((a, b) => integer(a, 'cid') - integer(b, 'cid'))
    .map((row) => text(row, 'name'))
}

const EVENTS = ['INSERT', 'DELETE', 'UPDATE'] as const

function nameOf(table: string, event: string): string {
  return `digest_${table}_${event}`
}

function triggers(table: string, columns: readonly string[]): string {
  const call = (sign: 1 | -1, row: 'OLD' | 'NEW'): string =>
    `${FUNCTION}(${sign}, '${table}', ${columns.map((name) => `${row}.${name}`).join(', ')})`
  const calls = {
    INSERT: call(1, 'NEW'),
    DELETE: call(-1, 'OLD'),
    UPDATE: `${call(-1, 'OLD')}, ${call(1, 'NEW')}`,
  }
  return EVENTS.map(
    (event) =>
      `CREATE TEMP TRIGGER ${nameOf(table, event)} AFTER ${event} ON main.${table}
       BEGIN SELECT ${calls[event]}; END;`,
  ).join('\n')
}

const NULL_TAG = 1
const TEXT_TAG = 2
const BYTES_TAG = 3
const NUMBER_TAG = 4

/** Between values it is turned, so that it matters where one ends. Values are strict in type. */
function rowHash(values: readonly SqlValue[]): number {
  let hash = 0
  for (const value of values) {
    if (value === null) hash = turned(hash, NULL_TAG)
    else if (typeof value === 'string') hash = crc32(value, turned(hash, TEXT_TAG))
    else if (typeof value === 'object') hash = crc32(value, turned(hash, BYTES_TAG))
    else {
      const number = Number(value)
      hash = turned(turned(turned(hash, NUMBER_TAG), number), Math.floor(number / 2 ** 32))
    }
  }
  return hash
}

function turned(hash: number, by: number): number {
  return Math.imul((hash ^ by) + 0x9e3779b9, 0x85ebca6b) >>> 0
}

/** The finalizer of MurmurHash3: sums of what it gives say nothing of each other. */
function mixed(hash: number): number {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}

function hex(bits: number): string {
  return bits.toString(16).padStart(8, '0')
}
