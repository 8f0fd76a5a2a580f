//! A second database with the rows that a backup holds, kept like the first: what differs is
//! written, a transaction each time, and nothing else. For programs that must not touch the first.

import { closeSync, openSync, statSync } from 'node:fs'
import { assert } from '../../base/assert.ts'
import { type ConnectionOptions, WriteConnection } from '../database.ts'
import { integer, text } from '../row.ts'
import { RELEASE } from '../schema/schema.ts'
import { migrateTo, openSchema, schemaVersion, type Release } from '../schema/version.ts'
import type { ReadOnlyDatabase } from '../store.ts'
import { KEPT } from './make.ts'

/** Bytes of changes that wait for who watches. */
const WAL_MAX = 256 << 20

export class ShadowDatabase {
  readonly #file: string
  readonly #db: WriteConnection
  readonly #release: Release
  #copied: number | undefined

  /** `source` is opened for reading only. */
  constructor(file: string, source: string, options: ConnectionOptions, release = RELEASE) {
    this.#file = file
    this.#release = release
    closeSync(openSync(file, 'a', 0o600))
    this.#db = WriteConnection.open(file, options)
    // As litestream.io/tips asks: it does the checkpoints, and may hold the lock for a while.
    this.#db.run('PRAGMA wal_autocheckpoint = 0')
    this.#db.run('PRAGMA synchronous = NORMAL')
    this.#db.run('PRAGMA foreign_keys = OFF')
    openSchema(this.#db, release)
    this.#db.run('ATTACH DATABASE ? AS source', source)
  }

  /** Whether there was something to do. Throws when the disk, or who watches, does not let it. */
  copy(): boolean {
    const applied = this.#db.get('SELECT applied_index FROM source.replica')
    assert(applied !== undefined, 'a database in use has applied something')
    const index = integer(applied, 'applied_index')
    if (index === this.#copied) return false
    this.#refuseHeap()
    // Not immediate: that would take the write lock of the source, too.
    this.#db.run('BEGIN')
    try {
      this.#follow()
      for (const table of KEPT) copyTable(this.#db, table)
      this.#db.run('COMMIT')
    } catch (error) {
      if (this.#db.isInTransaction) this.#db.run('ROLLBACK')
      throw error
    }
    this.#copied = index
    return true
  }

  /** The source has gone over to the next schema. */
  #follow(): void {
    const row = this.#db.get('PRAGMA source.user_version')
    assert(row !== undefined, 'SQLite has a user_version')
    const schema = integer(row, 'user_version')
    if (schema !== schemaVersion(this.#db)) migrateTo(this.#db, this.#release, schema)
  }

  /** Nobody but who watches may take it away. */
  #refuseHeap(): void {
    const size = statSync(`${this.#file}-wal`, { throwIfNoEntry: false })?.size ?? 0
    if (size <= WAL_MAX) return
    throw new Error(`nobody has taken the last ${Math.round(size / 2 ** 20)} MiB of changes`)
  }

  close(): void {
    this.#db.close()
  }
}

function copyTable(db: WriteConnection, table: string): void {
  const key = keyOf(db, table)
  const same = key.map((column) => `s.${column} = main.${table}.${column}`).join(' AND ')
  db.run(`DELETE FROM main.${table} WHERE NOT EXISTS (
    SELECT 1 FROM source.${table} s WHERE ${same})`)
  if (table === 'cdrs') {
    // A record does not change any more, and there are many.
    const known = key.map((column) => `m.${column} = s.${column}`).join(' AND ')
    db.run(`INSERT INTO main.${table} SELECT * FROM source.${table} s WHERE NOT EXISTS (
      SELECT 1 FROM main.${table} m WHERE ${known})`)
    return
  }
  db.run(`INSERT OR REPLACE INTO main.${table}
    SELECT * FROM source.${table} EXCEPT SELECT * FROM main.${table}`)
}

/** The columns of the primary key. */
function keyOf(db: ReadOnlyDatabase, table: string): readonly string[] {
  return db
    .all(`PRAGMA main.table_info(${table})`)
    .filter((row) => integer(row, 'pk') > 0)
    .map((row) => text(row, 'name'))
}
