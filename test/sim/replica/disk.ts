//! The disk of a node under its real database: commits take their time, and at any step of the
//! replica the power may go, the disk be full or fail.

import { lstatSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../../src/base/assert.ts'
import type { Random } from '../../../src/base/random.ts'
import type { WriteConnection } from '../../../src/store/database.ts'
import type { ReplicaDatabase } from '../../../src/store/replica/database.ts'
import { integer, text } from '../../../src/store/row.ts'
import type { Row, SqlValue } from '../../../src/store/store.ts'
import type { Homes } from './home.ts'

/** The process is gone in the middle of what it did. */
export class PowerLoss extends Error {
  override readonly name = 'PowerLoss'
}

export type DiskHost = {
  /** One more commit was made to last. */
  readonly committed: (written: readonly string[]) => void
  /** Makes a copy, in its own time. */
  readonly copy: (copy: () => Promise<void>) => Promise<void>
}

/** Of PRAGMA synchronous: the log is synced at each commit. */
const FULL = 2
const INCOMING = 'snapshot-incoming.db'
const PAGES_MAX = 4_294_967_294

export class SimDisk {
  readonly #homes: Homes
  readonly #random: Random
  readonly #host: DiskHost
  #home: string
  #database: WriteConnection | undefined
  #stepsLeft: number | undefined
  #next: string | undefined
  #isFull = false
  /** In this life: what it has open may still be. */
  #hasBeenFull = false
  /** Everything that is written fails. */
  isBroken = false
  /** Snapshots, or as good as. */
  takenOver = 0

  constructor(homes: Homes, random: Random, host: DiskHost) {
    this.#homes = homes
    this.#random = random
    this.#host = host
    this.#home = homes.begin()
  }

  get home(): string {
    return this.#home
  }

  get isFull(): boolean {
    return this.#isFull
  }

  get isFaulty(): boolean {
    return this.isBroken || this.#hasBeenFull
  }

  /** What the replica is given in place of the database. */
  readonly through = (database: WriteConnection): ReplicaDatabase => {
    // Or a commit would not be what the copies of `home.ts` take it for.
    const level = database.get('PRAGMA synchronous')?.['synchronous']
    assert(level === FULL, `the database commits with synchronous = ${String(level)}`)
    this.#database = database
    this.#bound()
    return new SimDatabase(database, this, this.#host)
  }

  /** As it was last made to last. */
  get state(): { readonly applied: number; readonly digest: string } {
    const row = this.#database?.get('SELECT applied_index, digest FROM replica')
    assert(row !== undefined, 'a replica has a row of its own')
    return { applied: integer(row, 'applied_index'), digest: text(row, 'digest') }
  }

  /** The replica has been opened. */
  opened(): void {
    if (this.#isFull) this.#fillFiles()
  }

  /** The power goes after so many more steps: statements, commits. */
  losePowerIn(steps: number): void {
    this.#stepsLeft = steps
  }

  fill(): void {
    if (this.#isFull) return
    this.#isFull = true
    this.#hasBeenFull = true
    this.#bound()
    this.#fillFiles()
  }

  mend(): void {
    this.isBroken = false
    this.#isFull = false
    this.#stepsLeft = undefined
    this.#bound()
    const file = join(this.#home, INCOMING)
    if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true) rmSync(file)
  }

  step(): void {
    if (this.#stepsLeft === undefined || this.#stepsLeft-- > 0) return
    this.#stepsLeft = undefined
    this.#next = this.#homes.afterPowerLoss(this.#home, this.#random)
    throw new PowerLoss('the power is gone')
  }

  /** The process ends without having closed anything: call before what it has open is closed. */
  cut(): void {
    this.#next ??= this.#homes.afterPowerLoss(this.#home, this.#random)
  }

  /** All is closed; a process that was cut off begins with what is left. */
  closed(): void {
    this.#database?.close()
    this.#database = undefined
    this.#stepsLeft = undefined
    this.#hasBeenFull = this.#isFull
    if (this.#next === undefined) return
    this.#homes.remove(this.#home)
    this.#home = this.#next
    this.#next = undefined
  }

  /** SQLite itself refuses to let the file grow. */
  #bound(): void {
    const database = this.#database
    if (database === undefined) return
    const row = database.get('PRAGMA page_count')
    const pages = this.#isFull && row !== undefined ? integer(row, 'page_count') : PAGES_MAX
    database.script(`PRAGMA max_page_count = ${pages}`)
  }

  #fillFiles(): void {
    try {
      symlinkSync('/dev/full', join(this.#home, INCOMING))
    } catch (error) {
      // A snapshot is coming in already: it goes on into the file that it has.
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

class SimDatabase implements ReplicaDatabase {
  readonly #real: WriteConnection
  readonly #disk: SimDisk
  readonly #host: DiskHost
  #written: string[] = []

  constructor(real: WriteConnection, disk: SimDisk, host: DiskHost) {
    this.#real = real
    this.#disk = disk
    this.#host = host
  }

  get changes(): number {
    return this.#real.changes
  }

  get(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.#real.get(sql, ...values)
  }

  all(sql: string, ...values: readonly SqlValue[]): readonly Row[] {
    return this.#real.all(sql, ...values)
  }

  each(sql: string, ...values: readonly SqlValue[]): IterableIterator<Row> {
    return this.#real.each(sql, ...values)
  }

  run(sql: string, ...values: readonly SqlValue[]): number {
    this.#disk.step()
    if (sql.startsWith('ATTACH')) this.#disk.takenOver++
    if (sql.startsWith('INSERT OR REPLACE INTO settings')) this.#written.push(String(values[2]))
    return this.#real.run(sql, ...values)
  }

  script(sql: string): void {
    this.#disk.step()
    this.#real.script(sql)
  }

  define(name: string, run: (...values: SqlValue[]) => SqlValue): void {
    this.#real.define(name, run)
  }

  transaction<T>(work: () => T): T {
    this.#written = []
    const before = this.#real.changes
    const result = this.#real.transaction(() => {
      const done = work()
      this.#disk.step()
      if (this.#disk.isBroken && this.#real.changes !== before) throw broken()
      return done
    })
    if (this.#real.changes !== before) this.#host.committed(this.#written)
    this.#disk.step()
    return result
  }

  backup(file: string): Promise<void> {
    return this.#host.copy(() => {
      if (this.#disk.isBroken) return Promise.reject(broken())
      if (this.#disk.isFull) return Promise.reject(full())
      return this.#real.backup(file)
    })
  }

  /** By the disk, which looks into it until then. */
  close(): void {}
}

/** As SQLite says it. */
function broken(): Error {
  return Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' })
}

function full(): Error {
  return Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
}
