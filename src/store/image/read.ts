//! An image out of a backup, looked at before anything is believed of it, brought to the schema in
//! force here, and read as the batches that a restore proposes. Secrets come out sealed with this
//! installation's key: the one that the backup brings is used here and kept nowhere.

import { deflateRawSync } from 'node:zlib'
import { type ConnectionOptions, WriteConnection } from '../database.ts'
import { reseal } from '../credentials.ts'
import { faultOf } from '../errors.ts'
import { toJson } from '../bytes-json.ts'
import { bytes, text } from '../row.ts'
import { isClaimed } from '../schema/account.ts'
import { replicaRow } from '../schema/replica.ts'
import { type Batch, BATCH_MAX, type Part, PARTS } from '../schema/restore.ts'
import { RELEASE } from '../schema/schema.ts'
import { migrateTo, newestOf, schemaVersion, type Release } from '../schema/version.ts'
import type { ReadOnlyDatabase, Row } from '../store.ts'
import type { Vault } from '../vault.ts'
import { countRows, type ImageFacts } from './make.ts'

/** Of the image: why it cannot be restored, and what would help. */
export class ImageRefused extends Error {
  override readonly name = 'ImageRefused'
}

export type Keys = {
  /** Of the backup. */
  readonly from: Vault
  /** Of this installation. */
  readonly to: Vault
}

/** What the rows are for: the schema in force, and the release that knows it. */
export type Into = { readonly schema: number; readonly release?: Release }

export type OpenImage = {
  readonly rows: ImageFacts['rows']
  /** The parts that take the place of what is there. */
  readonly replaced: readonly Part[]
  readonly batches: Generator<Batch, void>
  readonly close: () => void
}

/** Some milliseconds of apply, and of base64 in the log. */
const BATCH_ROWS = 500
const BATCH_BYTES = 128 * 1024

const LITESTREAMS = ['_litestream_seq', '_litestream_lock']

/** Throws `ImageRefused`. The file is changed by it. */
export function openImage(
  file: string,
  keys: Keys,
  options: ConnectionOptions,
  { schema, release = RELEASE }: Into,
): OpenImage {
  const image = openFile(file, options)
  try {
    checkVersion(image, schema, release)
    image.run('PRAGMA trusted_schema = OFF')
    image.run('PRAGMA cell_size_check = ON')
    checkWhole(image, 'quick_check')
    bringTo(image, schema, release)
    // What litestream leaves in what it has replicated.
    for (const table of LITESTREAMS) image.run(`DROP TABLE IF EXISTS ${table}`)
    checkSchema(image, options, (fresh) => bringTo(fresh, schema, release))
    // Those of the tables in force, into which the rows are to go.
    checkWhole(image, 'integrity_check')
    checkReferences(image)
    checkKey(image, keys.from)
    const rows = countRows(image)
    return {
      rows,
      replaced: replacedBy(image),
      batches: batchesOf(image, keys),
      close: () => image.close(),
    }
  } catch (error) {
    image.close()
    throw refusalOf(error, file)
  }
}

function openFile(file: string, options: ConnectionOptions): WriteConnection {
  try {
    return WriteConnection.open(file, options)
  } catch (error) {
    throw refusalOf(error, file)
  }
}

/** Whatever SQLite says of somebody else's file is said of the backup. */
function refusalOf(error: unknown, file: string): unknown {
  const { code, message } = faultOf(error, file)
  // A constraint: of tables that a migration makes.
  const isOfRows =
    error instanceof Error && 'code' in error && /CONSTRAINT/.test(String(error.code))
  if (error instanceof ImageRefused || (code !== 'corrupt' && !isOfRows)) return error
  return new ImageRefused(`the database in the backup cannot be read: ${message}`)
}

function checkVersion(image: WriteConnection, inForce: number, release: Release): void {
  const version = schemaVersion(image)
  if (version === 0) throw new ImageRefused('the database in the backup is not one of pbx')
  if (version <= inForce) return
  const [newest, is] = [newestOf(release), `the backup is of a newer release (schema ${version}`]
  throw new ImageRefused(
    version <= newest
      ? `${is}, here ${inForce} is in force): pbx status says which node waits to be updated`
      : `${is}, this one knows ${newest}): update pbx here, then restore it`,
  )
}

function bringTo(db: WriteConnection, schema: number, release: Release): void {
  if (schemaVersion(db) < schema) db.transaction(() => migrateTo(db, release, schema))
}

/** Pages, types and NOT NULL; `integrity_check` looks into the indexes, too, and so at UNIQUE. */
function checkWhole(image: WriteConnection, check: 'quick_check' | 'integrity_check'): void {
  const [first] = image.all(`PRAGMA ${check}(1)`)
  const said = first === undefined ? 'nothing' : String(Object.values(first)[0])
  if (said !== 'ok') throw new ImageRefused(`the database in the backup is damaged: ${said}`)
}

/** Neither check looks at those, and SQLite does not keep to them unless it is asked to. */
function checkReferences(image: WriteConnection): void {
  const [first] = image.all('PRAGMA foreign_key_check')
  if (first === undefined) return
  const [table, parent] = [text(first, 'table'), text(first, 'parent')]
  const why = `there is none of ${parent} for a row of ${table}`
  const mend = `take another backup, or remove it (PRAGMA foreign_key_check shows it)`
  throw new ImageRefused(`the database in the backup contradicts itself: ${why}: ${mend}`)
}

/** Nothing is in it that `make` would not have made, a trigger for example. */
function checkSchema(
  image: WriteConnection,
  options: ConnectionOptions,
  make: (fresh: WriteConnection) => void,
): void {
  const fresh = WriteConnection.open(':memory:', options)
  make(fresh)
  const [wanted, found] = [fresh, image].map(schemaOf)
  fresh.close()
  if (wanted !== found)
    throw new ImageRefused('the database in the backup has other tables than pbx makes')
}

function schemaOf(db: ReadOnlyDatabase): string {
  const rows = db.all('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name')
  // What ANALYZE may have left is SQLite's own.
  return toJson(rows.filter((row) => !text(row, 'name').startsWith('sqlite_stat')))
}

function checkKey(image: WriteConnection, vault: Vault): void {
  const check = Buffer.from(vault.derive('key check')).toString('hex')
  if (replicaRow(image)?.keyCheck !== check)
    throw new ImageRefused('the secret.key in the backup is not that of its database')
}

/** Without an administrator of its own it would lock everybody out, so those here stay. */
function replacedBy(image: WriteConnection): readonly Part[] {
  const isOf = (part: Part): boolean => part === 'accounts' || part === 'api_tokens'
  const replaced = PARTS.filter((part) => part !== 'cdrs')
  return isClaimed(image) ? replaced : replaced.filter((part) => !isOf(part))
}

function* batchesOf(image: WriteConnection, keys: Keys): Generator<Batch, void> {
  const parts = [...replacedBy(image), 'cdrs'] as const
  for (const part of parts) {
    let rows: string[] = []
    let size = 0
    for (const row of image.each(`SELECT * FROM ${part}`)) {
      checkNumbers(part, row)
      const values = toJson(Object.values(part === 'extensions' ? resealed(row, keys) : row))
      if (values.length > BATCH_MAX / 8)
        throw new ImageRefused(`a row of ${part} in the backup is too long`)
      rows.push(values)
      size += values.length
      if (rows.length < BATCH_ROWS && size < BATCH_BYTES) continue
      yield batchOf(part, rows)
      rows = []
      size = 0
    }
    if (rows.length > 0) yield batchOf(part, rows)
  }
}

/** Of those that are larger nobody knows here what they were. */
function checkNumbers(part: Part, row: Row): void {
  for (const [column, value] of Object.entries(row))
    if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER)
      throw new ImageRefused(`${part} in the backup have too large a number: ${column}`)
}

function batchOf(part: Part, rows: readonly string[]): Batch {
  return { part, rows: new Uint8Array(deflateRawSync(`[${rows.join(',')}]`, { level: 3 })) }
}

function resealed(row: Row, keys: Keys): Row {
  const owner = { tenant: text(row, 'tenant'), user: text(row, 'user') }
  const sealed = reseal(keys, owner, bytes(row, 'sealed'))
  if (sealed !== undefined) return { ...row, sealed }
  throw new ImageRefused(`the password of ${owner.user} in the backup is damaged`)
}
