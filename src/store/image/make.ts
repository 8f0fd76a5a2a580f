//! An image of the state for a backup: a copy of the running database by SQLite's online backup,
//! with nothing left in it but what a backup holds.

import { closeSync, openSync, rmSync, statSync } from 'node:fs'
import { assert } from '../../base/assert.ts'
import { type ConnectionOptions, ReadConnection, WriteConnection } from '../database.ts'
import { integer, text } from '../row.ts'
import { PARTS, type Part } from '../schema/restore.ts'
import { schemaVersion } from '../schema/version.ts'
import type { ReadOnlyDatabase } from '../store.ts'

export type ImageFacts = {
  /** Bytes. */
  readonly size: number
  /** Of its tables. */
  readonly schema: number
  /** How many of each there are. */
  readonly rows: Readonly<Record<Part, number>>
}

/** Besides the parts: whose key the secrets are sealed with. */
export const KEPT: ReadonlySet<string> = new Set([...PARTS, 'replica'])

/**
 * Of all that is committed in the database `source` when this begins. Takes a thread of its own as
 * long as the copy takes; others read and write meanwhile. `file` is made anew, for its owner only.
 */
export async function makeImage(
  source: string,
  file: string,
  options: ConnectionOptions,
): Promise<ImageFacts> {
  const whole = `${file}.whole`
  for (const each of [file, whole]) makePrivate(each)
  try {
    const reader = ReadConnection.open(source, options)
    await reader.backup(whole).finally(() => reader.close())
    const { schema, rows } = strip(whole, file, options)
    return { size: statSync(file).size, schema, rows }
  } finally {
    for (const end of ['', '-wal', '-shm']) rmSync(whole + end, { force: true })
  }
}

function makePrivate(file: string): void {
  rmSync(file, { force: true })
  closeSync(openSync(file, 'wx', 0o600))
}

type Stripped = Pick<ImageFacts, 'schema' | 'rows'>

function strip(whole: string, file: string, options: ConnectionOptions): Stripped {
  const copy = WriteConnection.open(whole, options)
  try {
    // It is read again in a moment, or of no use.
    copy.run('PRAGMA synchronous = OFF')
    copy.transaction(() => {
      for (const table of tablesOf(copy)) if (!KEPT.has(table)) copy.run(`DELETE FROM ${table}`)
    })
    // Raft's log may be most of the file, and what was deleted is still in its free pages.
    copy.run('VACUUM INTO ?', file)
    return { schema: schemaVersion(copy), rows: countRows(copy) }
  } finally {
    copy.close()
  }
}

export function countRows(db: ReadOnlyDatabase): ImageFacts['rows'] {
  const count = (part: Part): number => {
    const row = db.get(`SELECT count(*) AS n FROM ${part}`)
    assert(row !== undefined, 'a count is a row')
    return integer(row, 'n')
  }
  return Object.fromEntries(PARTS.map((part) => [part, count(part)])) as ImageFacts['rows']
}

function tablesOf(db: ReadOnlyDatabase): readonly string[] {
  const select = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
  return db.all(select).map((row) => text(row, 'name'))
}
