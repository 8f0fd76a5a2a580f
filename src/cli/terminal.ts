//! Where a command's words go.

export type Terminal = {
  readonly out: (text: string) => void
  readonly error: (text: string) => void
  /** Someone is watching: progress may be drawn over itself. */
  readonly watched: boolean
  readonly stdin: NodeJS.ReadableStream
}

export function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
    watched: process.stderr.isTTY,
    stdin: process.stdin,
  }
}
