//! `pbx backup FILE`: the running system's backup, encrypted here when that is asked for, and on
//! disk under its name only when it is whole and has been read back.

import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, rmSync, statSync } from 'node:fs'
import { link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Manifest, verifyArchive } from '../backup/archive.ts'
import { openStream, sealStream } from '../backup/envelope.ts'
import { Source } from '../backup/source.ts'
import type { Client } from './client.ts'
import { CliFailure } from './errors.ts'
import type { Invocation } from './invocation.ts'
import { grouped } from './table.ts'
import { firstLine, ProgressLine, type Terminal } from './terminal.ts'

type Asked = Extract<Invocation, { kind: 'command' }> & { readonly command: 'backup' }
const PATH = '/backup'
const PASSPHRASE_MIN = 8

export async function backupTo(client: Client, asked: Asked, terminal: Terminal): Promise<number> {
  const { file, sealed } = asked
  if (file !== '-') refuseTaken(asked)
  else if (terminal.bytes === undefined)
    throw new CliFailure('a backup is no text: send it to a file or a program, not a terminal', 2)
  const passphrase = sealed ? await firstLine(terminal.stdin, 'passphrase') : undefined
  if (passphrase !== undefined && passphrase.length < PASSPHRASE_MIN)
    throw new CliFailure(`the passphrase must have at least ${PASSPHRASE_MIN} characters`, 2)
  const progress = new ProgressLine(terminal, !asked.json)
  progress.draw('making an image of the database')
  const { size, bytes } = await client.download('POST', PATH, nextOf(file))
  const counted = countedTo(bytes, size, progress)
  const stream = passphrase === undefined ? counted : sealStream(counted, passphrase)
  try {
    if (terminal.bytes !== undefined && file === '-') {
      await writeOut(stream, terminal.bytes)
      return 0
    }
    const manifest = await writeWhole(stream, asked, passphrase)
    progress.erase()
    const { rows } = manifest
    const about = { file, bytes: statSync(file).size, sealed, made: manifest.made, rows }
    terminal.out(asked.json ? `${JSON.stringify(about, undefined, 2)}\n` : textOf(about))
    return 0
  } finally {
    progress.erase()
  }
}

type About = Pick<Manifest, 'rows'> & {
  readonly file: string
  readonly bytes: number
  readonly sealed: boolean
}

function textOf({ file, bytes, sealed, rows }: About): string {
  const [extensions, records] = [rows['extensions'], rows['cdrs']].map((n) => grouped(n ?? 0))
  const warning = 'It holds the key of all passwords: keep it as a secret.\n'
  const size = `${grouped(bytes)} bytes`
  const told = `${file}: ${size}, ${extensions} extensions, ${records} records\n`
  return sealed ? told : told + warning
}

async function* countedTo(
  bytes: AsyncIterable<Uint8Array>,
  size: number,
  progress: ProgressLine,
): AsyncGenerator<Uint8Array, void> {
  let done = 0
  let shown = -1
  for await (const piece of bytes) {
    done += piece.length
    const percent = Math.floor((done / size) * 100)
    if (percent !== shown) progress.draw(`${percent} % of ${grouped(size / 2 ** 20)} MiB`)
    shown = percent
    yield piece
  }
}

function nextOf(file: string): string {
  const left = file === '-' ? 'what was written is of no use' : 'nothing was written'
  return `${left}, try again`
}

async function writeOut(
  stream: AsyncIterable<Uint8Array>,
  out: NodeJS.WritableStream,
): Promise<void> {
  try {
    await pipeline(stream, out, { end: out !== process.stdout })
  } catch (error) {
    if (error instanceof CliFailure) throw error
    throw new CliFailure(`the backup cannot be written to stdout: ${messageOf(error)}`)
  }
}

function refuseTaken({ file, force }: Asked): void {
  if (!force && existsSync(file))
    throw new CliFailure(`${file} is there already: name another, or say --force`, 2)
}

/** Beside its place, synced, read back, and then in its place at once. */
async function writeWhole(
  stream: AsyncIterable<Uint8Array>,
  asked: Asked,
  passphrase: string | undefined,
): Promise<Manifest> {
  const { file, force } = asked
  const fresh = `${file}.${randomBytes(4).toString('hex')}.part`
  const forget = onSignals(() => rmSync(fresh, { force: true }))
  try {
    const target = await open(fresh, 'wx', 0o600)
    try {
      for await (const piece of stream) await target.writeFile(piece)
      await target.sync()
    } finally {
      await target.close()
    }
    const manifest = await readBack(fresh, passphrase)
    if (force) await rename(fresh, file)
    else {
      // Unlike a renaming it fails when somebody else has made the file meanwhile.
      await link(fresh, file)
      await rm(fresh)
    }
    await syncDirectory(dirname(file))
    return manifest
  } catch (error) {
    await rm(fresh, { force: true })
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') refuseTaken(asked)
    if (error instanceof CliFailure) throw error
    throw new CliFailure(`${file} cannot be written: ${messageOf(error)}`)
  } finally {
    forget()
  }
}

async function readBack(file: string, passphrase: string | undefined): Promise<Manifest> {
  const source = new Source(createReadStream(file))
  if (passphrase === undefined) return verifyArchive(source)
  return verifyArchive(new Source(openStream(source, passphrase)))
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Whoever is interrupted leaves nothing behind. Returns what ends the watch. */
function onSignals(tidy: () => void): () => void {
  const stop = (signal: NodeJS.Signals): void => {
    tidy()
    process.exit(signal === 'SIGINT' ? 130 : 143)
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  return () => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
