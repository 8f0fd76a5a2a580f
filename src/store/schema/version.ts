//! The version of the schema: which tables there are, and what commands do with them. It is a part
//! of the state. Up to `BASELINE` a database is brought when it is opened; every later version is
//! reached by all replicas at the same entry of the log (`replica/upgrade.ts`).

import { assert } from '../../base/assert.ts'
import type { WriteConnection } from '../database.ts'
import { StoreFault } from '../errors.ts'
import { integer } from '../row.ts'
import type { Command, Migration, ReadOnlyDatabase, Refusal, WritableDatabase } from '../store.ts'

/** What a fresh database begins with, in every release: never changed. */
export const BASELINE = 10

/** What a release knows of the state. */
export type Release = {
  /** In order. */
  readonly migrations: readonly Migration[]
  /** By the schema in force, which may be an older one than this release's newest. */
  readonly apply: (db: WritableDatabase, command: Command) => Refusal | undefined
}

export function newestOf({ migrations }: Release): number {
  return migrations.at(-1)?.version ?? 0
}

/** In force in this database, on whatever connection; 0 when it has no tables. */
export function schemaVersion(db: ReadOnlyDatabase): number {
  const row = db.get('PRAGMA user_version')
  assert(row !== undefined, 'SQLite has a user_version')
  return integer(row, 'user_version')
}

type Migrated = Pick<WriteConnection, 'get' | 'all' | 'each' | 'script'>

/** All steps from the version in force up to `to`; within a transaction. */
export function migrateTo(db: Migrated, { migrations }: Release, to: number): void {
  const from = schemaVersion(db)
  const due = migrations.filter(({ version }) => version > from && version <= to)
  assert(due.at(-1)?.version === to, `there is a way from schema ${from} to ${to}`)
  for (const { sql } of due) db.script(sql)
  db.script(`PRAGMA user_version = ${to}`)
}

/** A database that is opened: none that is newer than `release`, none that is below `BASELINE`. */
export function openSchema(db: WriteConnection, release: Release): void {
  const [found, newest] = [schemaVersion(db), newestOf(release)]
  if (found > newest) {
    const versions = `version ${found}, this release knows ${newest}`
    const message = `the database is of a newer release (${versions}): start that one`
    throw new StoreFault('newer-schema', message)
  }
  if (found < BASELINE) db.transaction(() => migrateTo(db, release, BASELINE))
}
