//! Where a command's words go.

import { CliFailure } from './errors.ts'

export type Terminal = {
  readonly out: (text: string) => void
  readonly error: (text: string) => void
  /** Someone is watching: progress may be drawn over itself. */
  readonly watched: boolean
  readonly stdin: NodeJS.ReadableStream
  /** Someone at stdin can be asked. */
  readonly answers: boolean
  /** For bytes; undefined when they would go to somebody's screen. */
  readonly bytes: NodeJS.WritableStream | undefined
}

export function processTerminal(): Terminal {
  // Whoever writes is told.
  process.stdout.on('error', () => {})
  return {
    out: (text) => void process.stdout.write(text, endUnheard),
    error: (text) => void process.stderr.write(text),
    watched: process.stderr.isTTY,
    stdin: process.stdin,
    answers: process.stdin.isTTY && process.stderr.isTTY,
    bytes: process.stdout.isTTY ? undefined : process.stdout,
  }
}

/** Nobody reads on (`| head`), which is no news to whoever asked; or a disk is full. */
function endUnheard(error: NodeJS.ErrnoException | null | undefined): void {
  if (!error) return
  if (error.code !== 'EPIPE')
    process.stderr.write(`pbx: what it says cannot be written: ${error.message}\n`)
  process.exit(1)
}

/** A secret that was asked for, by `--WHAT-stdin` say. */
export async function firstLine(
  stdin: NodeJS.ReadableStream,
  what: 'password' | 'passphrase' | 'token',
): Promise<string> {
  let text = ''
  for await (const piece of stdin) text += String(piece)
  const [line = ''] = text.split(/\r?\n/, 1)
  if (line === '') throw new CliFailure(`stdin holds no ${what}`, 2)
  return line
}

/** How far something is, drawn over itself. */
export class ProgressLine {
  readonly #terminal: Terminal
  readonly #on: boolean
  #drawn = false

  constructor(terminal: Terminal, on: boolean) {
    this.#terminal = terminal
    this.#on = on && terminal.watched
  }

  draw(text: string): void {
    if (!this.#on) return
    this.erase()
    this.#terminal.error(text)
    this.#drawn = true
  }

  erase(): void {
    if (this.#drawn) this.#terminal.error('\r\u001b[K')
    this.#drawn = false
  }
}
