//! The format of a backup: a line of JSON that says what follows, the files one after the other,
//! and a line with the SHA-256 of all before it. What is cut off or changed does not pass.
//!
//!     {"format":"pbx-backup","version":1, … ,"files":[{"name":"secret.key","size":32}, …]}
//!     <bytes of each file>
//!     sha256 <64 hex digits>

import { createHash } from 'node:crypto'
import { BackupFault } from './errors.ts'
import type { Source } from './source.ts'

const FORMAT = 'pbx-backup'
const VERSION = 1

/** In this order. */
const NAMES = ['secret.key', 'tls/certificate.pem', 'tls/key.pem', 'pbx.db'] as const
export type FileName = (typeof NAMES)[number]

/** Bytes that each may have. */
const SIZE_MAX: Readonly<Record<FileName, number>> = {
  'secret.key': 32,
  'tls/certificate.pem': 1 << 20,
  'tls/key.pem': 1 << 20,
  'pbx.db': 2 ** 36,
}
const HEAD_MAX = 64 * 1024
const PIECE = 1 << 20
const TRAILER = /^sha256 ([0-9a-f]{64})\n$/
const TRAILER_LENGTH = 72

export type About = {
  /** Release that made it. */
  readonly product: string
  /** Of the database. */
  readonly schema: number
  /** Of the server that made it. */
  readonly name: string
  /** ISO 8601. */
  readonly made: string
  /** How many of each there are. */
  readonly rows: Readonly<Record<string, number>>
}
type FileEntry = { readonly name: FileName; readonly size: number }
export type Manifest = About & { readonly files: readonly FileEntry[] }

/** Of the whole archive, in bytes. */
export function archiveSize(manifest: Manifest): number {
  const files = manifest.files.reduce((sum, { size }) => sum + size, 0)
  return headOf(manifest).length + files + TRAILER_LENGTH
}

/** `contents` gives each file's bytes, as many as the manifest says. */
export async function* writeArchive(
  manifest: Manifest,
  contents: (name: FileName) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const digest = createHash('sha256')
  const head = headOf(manifest)
  digest.update(head)
  yield head
  for (const { name } of manifest.files)
    for await (const piece of contents(name)) {
      digest.update(piece)
      yield piece
    }
  yield Buffer.from(`sha256 ${digest.digest('hex')}\n`)
}

export type Item =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'data'; readonly name: FileName; readonly data: Uint8Array }

/**
 * Throws `BackupFault`. Nothing that came may be relied on before this is through: the digest is
 * the last thing in it.
 */
export async function* readArchive(source: Source): AsyncGenerator<Item, Manifest> {
  const head = await source.line(HEAD_MAX)
  if (head === undefined) throw new BackupFault('not-known', 'this is no backup of pbx')
  const manifest = manifestOf(head)
  const digest = createHash('sha256').update(head)
  yield { kind: 'manifest', manifest }
  for (const { name, size } of manifest.files)
    for (let left = size; left > 0;) {
      const data = await source.some(Math.min(left, PIECE))
      if (data.length === 0) throw cutOff()
      digest.update(data)
      left -= data.length
      yield { kind: 'data', name, data }
    }
  const trailer = Buffer.from(await source.exactly(TRAILER_LENGTH)).toString('latin1')
  if (trailer.length < TRAILER_LENGTH) throw cutOff()
  if (TRAILER.exec(trailer)?.[1] !== digest.digest('hex'))
    throw new BackupFault('damaged', 'the backup is damaged: its digest is another')
  if ((await source.some(1)).length > 0)
    throw new BackupFault('damaged', 'the backup is damaged: something follows its end')
  return manifest
}

/** Reads it to its end for nothing but its manifest. Throws `BackupFault`. */
export async function verifyArchive(
  source: Source,
  onBytes: (count: number) => void = () => {},
): Promise<Manifest> {
  const items = readArchive(source)
  for (;;) {
    const { value, done = false } = await items.next()
    if (done) return value as Manifest
    const item = value as Item
    if (item.kind === 'data') onBytes(item.data.length)
  }
}

function headOf(manifest: Manifest): Uint8Array {
  return Buffer.from(`${JSON.stringify({ format: FORMAT, version: VERSION, ...manifest })}\n`)
}

function cutOff(): BackupFault {
  return new BackupFault('damaged', 'the backup is cut off: its end is missing')
}

function manifestOf(head: Uint8Array): Manifest {
  const found = parse(Buffer.from(head).toString('utf8'))
  if (found?.['format'] !== FORMAT) throw new BackupFault('not-known', 'this is no backup of pbx')
  const { version, product } = found
  if (version !== VERSION) {
    const mend = `update pbx here, then restore it (format ${String(version)}, known ${VERSION})`
    throw new BackupFault('not-known', `the backup is of pbx ${String(product)}: ${mend}`)
  }
  if (isManifest(found)) return found
  throw new BackupFault('damaged', 'the backup is damaged: its first line makes no sense')
}

type Loose = Readonly<Record<string, unknown>>

function parse(text: string): Loose | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Loose) : undefined
  } catch {
    return undefined // whatever it is, it is not ours
  }
}

function isManifest(value: Loose): value is Loose & Manifest {
  const { product, schema, name, made, rows, files } = value
  const texts = [product, name, made].every((each) => typeof each === 'string')
  if (!texts || !Number.isSafeInteger(schema) || typeof rows !== 'object') return false
  return rows !== null && Array.isArray(files) && areFiles(files)
}

/** Of those known, in their order, none too large, and the two that nothing works without. */
function areFiles(files: readonly unknown[]): files is readonly FileEntry[] {
  let before = -1
  for (const file of files) {
    if (typeof file !== 'object' || file === null || !('name' in file && 'size' in file))
      return false
    const { name, size } = file
    const place = NAMES.findIndex((each) => each === name)
    const most = SIZE_MAX[NAMES[place] ?? 'secret.key']
    if (place <= before || typeof size !== 'number' || !Number.isSafeInteger(size)) return false
    if (size < 1 || size > most) return false
    before = place
  }
  const has = (wanted: FileName): boolean =>
    files.some((each) => (each as FileEntry).name === wanted)
  return has('secret.key') && has('pbx.db')
}
