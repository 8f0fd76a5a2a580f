//! Files that all nodes hold: what they are called, and of which chunks they consist. The chunks
//! themselves are beside the database, by their digest (`src/files`). Class: durable; a file whose
//! chunks are not here yet is told as such.

import type { WallTime } from '../../base/time.ts'
import { bytes, flag, integer, text, time } from '../row.ts'
import {
  refuse,
  type ReadOnlyDatabase,
  type Refusal,
  type Row,
  type Schema,
  type WritableDatabase,
} from '../store.ts'

export type FileEntry = {
  /** `log/node-1/2026-11-21T08:00:00.000Z`: what kind of file, and then as its owner likes. */
  readonly name: string
  readonly size: number
  readonly madeAt: WallTime
  /** Nothing will be added to it any more. */
  readonly isSealed: boolean
  /** SHA-256 of each chunk, one after the other. */
  readonly chunks: Uint8Array
}

export type FileCommand =
  /** Takes the place of the one of that name. */
  | { readonly kind: 'file.put'; readonly file: FileEntry }
  /** Those that are not there are passed over. */
  | { readonly kind: 'file.remove'; readonly names: readonly string[] }

export const DIGEST_LENGTH = 32
const CHUNKS_MAX = 4_096
const NAME_MAX = 512

/** `file_changes` grows with each command, so that others see at once whether to look. */
const TABLES = `
CREATE TABLE files (
  name TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  made_at INTEGER NOT NULL,
  is_sealed INTEGER NOT NULL,
  chunks BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE file_changes (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  changes INTEGER NOT NULL
) STRICT;
INSERT INTO file_changes VALUES (1, 0);
`

export const fileSchema: Schema<FileCommand> = {
  migrations: [{ version: 9, sql: TABLES }],
  apply,
}

function apply(db: WritableDatabase, command: FileCommand): Refusal | undefined {
  if (command.kind === 'file.remove') {
    for (const name of command.names) db.run('DELETE FROM files WHERE name = ?', name)
  } else {
    const { name, size, madeAt, isSealed, chunks } = command.file
    if (name.length > NAME_MAX || chunks.length > CHUNKS_MAX * DIGEST_LENGTH)
      return refuse('the file, or its name, is too long')
    const put = 'INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)'
    db.run(put, name, size, madeAt, isSealed ? 1 : 0, chunks)
  }
  db.run('UPDATE file_changes SET changes = changes + 1')
  return undefined
}

/** Another number after every change of any file. */
export function fileChanges(db: ReadOnlyDatabase): number {
  const row = db.get('SELECT changes FROM file_changes')
  return row === undefined ? 0 : integer(row, 'changes')
}

export function fileNamed(db: ReadOnlyDatabase, name: string): FileEntry | undefined {
  const row = db.get('SELECT * FROM files WHERE name = ?', name)
  return row === undefined ? undefined : decode(row)
}

/** Whose names begin with `prefix`, oldest first. */
export function filesUnder(db: ReadOnlyDatabase, prefix: string): readonly FileEntry[] {
  const select = `SELECT * FROM files WHERE substr(name, 1, ?) = ? ORDER BY made_at, name`
  return db.all(select, prefix.length, prefix).map(decode)
}

/** Lower-case hex of every chunk that some file has. */
export function chunksInUse(db: ReadOnlyDatabase): ReadonlySet<string> {
  const found = new Set<string>()
  for (const row of db.all('SELECT chunks FROM files'))
    for (const digest of digestsOf(bytes(row, 'chunks'))) found.add(digest)
  return found
}

export function digestsOf(chunks: Uint8Array): readonly string[] {
  const digests: string[] = []
  for (let at = 0; at < chunks.length; at += DIGEST_LENGTH)
    digests.push(Buffer.from(chunks.subarray(at, at + DIGEST_LENGTH)).toString('hex'))
  return digests
}

function decode(row: Row): FileEntry {
  return {
    name: text(row, 'name'),
    size: integer(row, 'size'),
    madeAt: time(row, 'made_at'),
    isSealed: flag(row, 'is_sealed'),
    chunks: bytes(row, 'chunks'),
  }
}
