//! SQLite connections. Statements are prepared once per connection, kept by their text.

import SqliteConnection, { type Database, type Statement } from 'better-sqlite3'
import { dlopen } from 'node:process'
import { millis, type Millis } from '../base/time.ts'
import type { ReadOnlyDatabase, Row, SqlValue, WritableDatabase } from './store.ts'

export type ConnectionOptions = {
  /** The native add-on's file, where the package cannot find it itself (single executable). */
  readonly addon: string | undefined
  /** Of the one that writes, after each commit: how long this thread waited for the disk. */
  readonly onCommit?: (took: Millis) => void
}

/** What a thread reads through. */
export class ReadConnection implements ReadOnlyDatabase {
  readonly #statements: Statements

  private constructor(database: Database) {
    this.#statements = new Statements(database)
  }

  static open(file: string, options: ConnectionOptions): ReadConnection {
    const database = connect(file, { ...addonOf(options), readonly: true, fileMustExist: true })
    // Pages stay in the system's cache; what is hot lives in maps of the SIP thread anyway.
    database.pragma('cache_size = -2000')
    return new ReadConnection(database)
  }

  get(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.#statements.of(sql).get(...values)
  }

  all(sql: string, ...values: readonly SqlValue[]): readonly Row[] {
    return this.#statements.of(sql).all(...values)
  }

  each(sql: string, ...values: readonly SqlValue[]): IterableIterator<Row> {
    return this.#statements.of(sql).iterate(...values)
  }

  /**
   * A copy of all that is committed, in one step: whoever else uses this thread waits for it, and
   * who writes meanwhile does not make it begin anew.
   */
  async backup(file: string): Promise<void> {
    await this.#statements.database.backup(file, { progress: () => PAGES_MAX })
  }

  close(): void {
    this.#statements.database.close()
  }
}

/** More than a database can have. */
const PAGES_MAX = 0x7fff_ffff
/** Of a backup: a millisecond or two, during which nothing else is done. */
const PAGES_A_STEP = 256

/** The one connection that writes. */
export class WriteConnection implements WritableDatabase {
  readonly #statements: Statements
  readonly #onCommit: ConnectionOptions['onCommit']
  #changes = 0

  private constructor(database: Database, onCommit?: ConnectionOptions['onCommit']) {
    this.#statements = new Statements(database)
    this.#onCommit = onCommit
  }

  static open(file: string, options: ConnectionOptions): WriteConnection {
    const database = connect(file, addonOf(options))
    database.pragma('journal_mode = WAL')
    // FULL: the write-ahead log is synced at every commit, so what is acknowledged is on disk.
    database.pragma('synchronous = FULL')
    database.pragma('foreign_keys = ON')
    database.pragma('wal_autocheckpoint = 4000')
    // After a checkpoint the log is cut back to this, however large a burst has made it.
    database.pragma('journal_size_limit = 67108864')
    database.pragma('cache_size = -8000')
    return new WriteConnection(database, options.onCommit)
  }

  /** Nothing but an exclusive lock on `file`, until it is closed. */
  static openLock(file: string, options: ConnectionOptions): WriteConnection {
    const database = connect(file, { ...addonOf(options), timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
    return new WriteConnection(database)
  }

  /** Rows changed since it was opened. */
  get changes(): number {
    return this.#changes
  }

  get(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.#statements.of(sql).get(...values)
  }

  all(sql: string, ...values: readonly SqlValue[]): readonly Row[] {
    return this.#statements.of(sql).all(...values)
  }

  each(sql: string, ...values: readonly SqlValue[]): IterableIterator<Row> {
    return this.#statements.of(sql).iterate(...values)
  }

  run(sql: string, ...values: readonly SqlValue[]): number {
    const { changes } = this.#statements.of(sql).run(...values)
    this.#changes += changes
    return changes
  }

  /**
   * A copy of all that is committed, made in steps while others read and this connection writes:
   * what it writes meanwhile is in the copy, too.
   */
  async backup(file: string): Promise<void> {
    await this.#statements.database.backup(file, { progress: () => PAGES_A_STEP })
  }

  /** A function of SQL, on this connection alone. */
  define(name: string, run: (...values: SqlValue[]) => SqlValue): void {
    this.#statements.database.function(name, { varargs: true }, run)
  }

  get isInTransaction(): boolean {
    return this.#statements.database.inTransaction
  }

  /** Several statements of DDL, kept nowhere. */
  script(sql: string): void {
    this.#statements.database.exec(sql)
  }

  /** All of `work` in one transaction, on disk when this returns. Whatever it throws undoes all. */
  transaction<T>(work: () => T): T {
    this.run('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#commit()
      return result
    } catch (error) {
      // SQLite has rolled back by itself after some errors; the first one is what counts.
      if (this.#statements.database.inTransaction) this.run('ROLLBACK')
      throw error
    }
  }

  close(): void {
    this.#statements.database.close()
  }

  #commit(): void {
    const began = performance.now()
    this.run('COMMIT')
    this.#onCommit?.(millis(performance.now() - began))
  }
}

class Statements {
  readonly database: Database
  readonly #prepared = new Map<string, Statement<SqlValue[], Row>>()

  constructor(database: Database) {
    this.database = database
  }

  of(sql: string): Statement<SqlValue[], Row> {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const made = this.database.prepare<SqlValue[], Row>(sql)
    this.#prepared.set(sql, made)
    return made
  }
}

type Options = NonNullable<ConstructorParameters<typeof SqliteConnection>[1]>

function connect(file: string, options: Options): Database {
  return new SqliteConnection(file, { timeout: 5000, ...options })
}

function addonOf({ addon }: ConnectionOptions): Options {
  if (addon === undefined) return {}
  const loaded: { exports: object } = { exports: {} }
  dlopen(loaded, addon)
  // The package takes the loaded add-on as well as its path; its types know the path only.
  return { nativeBinding: loaded.exports as unknown as string }
}
