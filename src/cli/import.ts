//! `pbx import FILE`: streams the file to the API, shows progress, tells every bad line.

import { createReadStream, statSync } from 'node:fs'
import type { ImportLine } from '../console/api/shapes.ts'
import type { Client } from './client.ts'
import { CliFailure } from './errors.ts'
import { clock, grouped, printable } from './table.ts'
import { ProgressLine, type Terminal } from './terminal.ts'

const PATH = '/import'

/** 0 when every line was taken, 1 when one was bad. `-` is `/dev/stdin` by now. */
export async function importFile(
  client: Client,
  file: string,
  json: boolean,
  terminal: Terminal,
): Promise<number> {
  const upload = open(file, terminal)
  const began = performance.now()
  const progress = new ProgressLine(terminal, !json)
  for await (const text of client.stream(PATH, 'text/csv', upload.source)) {
    if (json) terminal.out(`${text}\n`)
    const line = JSON.parse(text) as ImportLine
    const seconds = (performance.now() - began) / 1000
    switch (line.kind) {
      case 'bad':
        progress.erase()
        if (!json) terminal.error(`line ${line.line}: ${printable(line.reason)}\n`)
        break
      case 'progress':
        progress.draw(progressText(line, seconds, upload.fraction()))
        break
      case 'done':
        progress.erase()
        if (!json) terminal.out(doneText(line, seconds))
        return line.bad === 0 ? 0 : 1
      case 'failed':
        progress.erase()
        throw new CliFailure(`${line.reason}; what was taken so far stays, so send it all again`)
    }
  }
  progress.erase()
  throw new CliFailure('the system went away in the middle; send the file again, it does no harm')
}

type Upload = {
  readonly source: AsyncIterable<Uint8Array | string>
  /** How much of it is sent, 0 to 1; undefined when its size is not known. */
  readonly fraction: () => number | undefined
}

function open(file: string, { stdin }: Terminal): Upload {
  if (file === '/dev/stdin') return { source: stdin, fraction: () => undefined }
  let size: number
  try {
    const about = statSync(file)
    if (about.isDirectory()) throw new CliFailure(`${file} is a directory`, 2)
    size = about.size
  } catch (error) {
    if (error instanceof CliFailure) throw error
    throw unreadable(file, error, 2)
  }
  const opened = createReadStream(file)
  const fraction = (): number | undefined => (size === 0 ? undefined : opened.bytesRead / size)
  return { source: readable(file, opened), fraction }
}

async function* readable(
  file: string,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* pieces
  } catch (error) {
    throw unreadable(file, error, 1)
  }
}

function unreadable(file: string, error: unknown, exitCode: number): CliFailure {
  const because = error instanceof Error ? error.message : String(error)
  return new CliFailure(`${file} cannot be read: ${because}`, exitCode)
}

type Counts = {
  readonly lines: number
  readonly imported: number
  readonly bad: number
  readonly weak: number
}

function progressText(
  { imported, bad }: Counts,
  seconds: number,
  fraction: number | undefined,
): string {
  const left = fraction === undefined ? undefined : (seconds * (1 - fraction)) / fraction
  const parts = [
    `${grouped(imported)} imported`,
    `${grouped(imported / seconds)}/s`,
    fraction === undefined ? undefined : `${Math.floor(fraction * 100)} %`,
    left === undefined ? undefined : `${clock(left)} left`,
    bad === 0 ? undefined : `${grouped(bad)} bad`,
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

function doneText({ lines, imported, bad, weak }: Counts, seconds: number): string {
  const rate = `${grouped(imported / seconds)}/s`
  const said = `imported ${grouped(imported)} of ${grouped(lines)} lines`
  return `${said} in ${seconds.toFixed(1)} s (${rate}), ${grouped(bad)} bad${weakText(weak)}\n`
}

/** They came from another system and are taken, but whoever guesses has it easy. */
function weakText(weak: number): string {
  return weak === 0 ? '' : `, ${grouped(weak)} with a password shorter than 8`
}
