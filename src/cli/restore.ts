//! `pbx restore FILE`: looks at the backup from end to end, asks, and sends it to the running
//! system.

import { createReadStream, statSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { basename } from 'node:path'
import { type Manifest, verifyArchive, writeArchive } from '../backup/archive.ts'
import { isSealed, openStream } from '../backup/envelope.ts'
import { BackupFault } from '../backup/errors.ts'
import { Source } from '../backup/source.ts'
import type { RestoreLine } from '../console/api/shapes.ts'
import type { Client } from './client.ts'
import { CliFailure } from './errors.ts'
import type { Invocation } from './invocation.ts'
import { grouped, localTime, printable } from './table.ts'
import { firstLine, ProgressLine, type Terminal } from './terminal.ts'

type Asked = Extract<Invocation, { kind: 'command' }> & { readonly command: 'restore' }
const PATH = '/restore'
const TYPE = 'application/x-pbx-backup'
const LINE_MAX = 64 * 1024
const KEY_LENGTH = 32

type Bytes = AsyncIterable<Uint8Array>

export async function restoreFrom(
  client: Client,
  asked: Asked,
  terminal: Terminal,
): Promise<number> {
  const { file, sealed, yes } = asked
  const isPiped = file === '/dev/stdin'
  if (isPiped && asked.key !== undefined) throw new CliFailure('a bare database must be a file', 2)
  if (isPiped && sealed)
    throw new CliFailure('the passphrase and the backup cannot both come from stdin', 2)
  if (!yes && (isPiped || sealed || !terminal.answers))
    throw new CliFailure('nobody can be asked here: say --yes to restore without a question', 2)
  const passphrase = sealed ? await firstLine(terminal.stdin, 'passphrase') : undefined
  const opening = { passphrase, key: asked.key }
  const progress = new ProgressLine(terminal, !asked.json)
  try {
    if (isPiped)
      return await send(client, await archiveOf(pieces(terminal.stdin), undefined), asked, terminal)
    const manifest = await verified(file, opening, progress)
    progress.erase()
    if (!yes && !(await confirmed(manifest, terminal))) {
      terminal.error('nothing was changed\n')
      return 1
    }
    const archive = await archiveIn(file, opening)
    return await send(client, archive, asked, terminal)
  } catch (error) {
    progress.erase()
    if (error instanceof BackupFault) throw new CliFailure(`${file}: ${error.message}`)
    // Of the disk: what the line comes to is told as what it is already.
    if (error instanceof Error && 'syscall' in error)
      throw new CliFailure(`${file} cannot be read: ${error.message}`)
    throw error
  }
}

/** Every byte of it is right. */
async function verified(file: string, opening: Opening, progress: ProgressLine): Promise<Manifest> {
  const size = sizeOf(file)
  let done = 0
  const archive = await archiveIn(file, opening)
  return verifyArchive(new Source(archive), (count) => {
    const before = Math.floor((done / size) * 100)
    done += count
    const percent = Math.floor((done / size) * 100)
    if (percent !== before) progress.draw(`looking at ${file}: ${percent} %`)
  })
}

function sizeOf(file: string): number {
  try {
    const about = statSync(file)
    if (!about.isFile()) throw new CliFailure(`${file} is no file`, 2)
    return about.size
  } catch (error) {
    if (error instanceof CliFailure) throw error
    const because = error instanceof Error ? error.message : String(error)
    throw new CliFailure(`${file} cannot be read: ${because}`, 2)
  }
}

type Opening = { readonly passphrase: string | undefined; readonly key: string | undefined }

function archiveIn(file: string, { passphrase, key }: Opening): Promise<Bytes> {
  if (key === undefined) return archiveOf(createReadStream(file), passphrase)
  return Promise.resolve(archiveOfDatabase(file, key))
}

/** What is in the envelope, when it is in one. */
async function archiveOf(bytes: Bytes, passphrase: string | undefined): Promise<Bytes> {
  const source = new Source(bytes)
  const line = await source.line(LINE_MAX)
  if (line === undefined || isDatabase(line)) throw notOurs()
  const whole = new Source(followed(line, source))
  if (!isSealed(line)) return whole.left()
  if (passphrase !== undefined) return openStream(whole, passphrase)
  throw new BackupFault('locked', 'the backup is encrypted: say --passphrase-stdin')
}

function isDatabase(line: Uint8Array): boolean {
  return Buffer.from(line).toString('latin1').startsWith('SQLite format 3')
}

function notOurs(): BackupFault {
  const hint = 'with --key SECRET.KEY a bare database of pbx is taken, too'
  return new BackupFault('not-known', `this is no backup of pbx (${hint})`)
}

/** A bare database and its key, as if they had been in a backup. */
function archiveOfDatabase(file: string, key: string): Bytes {
  const [size, keySize] = [sizeOf(file), sizeOf(key)]
  if (keySize !== KEY_LENGTH)
    throw new CliFailure(`${key} is no secret.key: it has ${keySize} bytes, not ${KEY_LENGTH}`, 2)
  const manifest: Manifest = {
    product: 'any',
    schema: 0,
    name: basename(file),
    made: statSync(file).mtime.toISOString(),
    rows: {},
    files: [
      { name: 'secret.key', size: keySize },
      { name: 'pbx.db', size },
    ],
  }
  return writeArchive(manifest, (name) => createReadStream(name === 'pbx.db' ? file : key))
}

async function* followed(line: Uint8Array, source: Source): AsyncGenerator<Uint8Array, void> {
  yield line
  yield* source.left()
}

async function* pieces(stdin: NodeJS.ReadableStream): AsyncGenerator<Uint8Array, void> {
  for await (const piece of stdin) yield typeof piece === 'string' ? Buffer.from(piece) : piece
}

async function confirmed(manifest: Manifest, terminal: Terminal): Promise<boolean> {
  const { name, made, product, rows } = manifest
  const extensions = grouped(rows['extensions'] ?? 0)
  terminal.error(
    `The backup of ${printable(name)} (pbx ${printable(product)}, ${localTime(made)}, ` +
      `${extensions} extensions)\ntakes the place of all settings, users and passwords here. ` +
      'Calls go on.\n',
  )
  const reader = createInterface({ input: terminal.stdin, output: process.stderr })
  const answer = await reader.question('Restore it? [y/N] ')
  reader.close()
  return /^y(es)?$/i.test(answer.trim())
}

async function send(
  client: Client,
  archive: Bytes,
  asked: Asked,
  terminal: Terminal,
): Promise<number> {
  const progress = new ProgressLine(terminal, !asked.json)
  for await (const text of client.stream(PATH, TYPE, archive)) {
    if (asked.json) terminal.out(`${text}\n`)
    const line = JSON.parse(text) as RestoreLine
    if (line.kind === 'progress') progress.draw(progressText(line))
    else progress.erase()
    if (line.kind === 'failed') throw new CliFailure(line.reason)
    if (line.kind !== 'done') continue
    if (!asked.json) terminal.out(doneText(line))
    return 0
  }
  progress.erase()
  throw new CliFailure('the system went away in the middle: see pbx status, and try again')
}

type Line<Kind extends RestoreLine['kind']> = Extract<RestoreLine, { kind: Kind }>

function progressText({ step, done }: Line<'progress'>): string {
  return step === 'received' ? `${grouped(done / 2 ** 20)} MiB sent` : `${grouped(done)} batches`
}

function doneText({ name, made, rows, tls }: Line<'done'>): string {
  const extensions = `${grouped(rows['extensions'] ?? 0)} extensions`
  const records = `${grouped(rows['cdrs'] ?? 0)} records`
  const certificate =
    tls === undefined
      ? ''
      : `its certificate is in ${tls}: to use it, set tls-certificate and tls-key\n`
  const from = `the backup of ${printable(name)} of ${localTime(made)}`
  return `restored ${from}: ${extensions}, ${records}\n${certificate}`
}
