//! A program of phones on a host of its own that says lines of JSON and is told lines.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { LanHost } from '../../harness/lan.ts'

export class ClientProcess<Said extends { readonly kind: string }> {
  readonly #child: ChildProcess
  readonly #said: Said[] = []
  readonly #waiting = new Set<() => void>()

  constructor(host: LanHost, file: string, args: readonly string[]) {
    const program = join(import.meta.dirname, file)
    const child = host.spawn(process.execPath, program, ...args)
    child.stderr?.on('data', (piece: Buffer) => process.stderr.write(piece))
    child.once('close', () => this.#wake())
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on('line', (line) => {
        // Of our own making.
        this.#said.push(JSON.parse(line) as Said)
        this.#wake()
      })
    this.#child = child
  }

  /** What it says of this kind, first; throws when it ends before it does. */
  async hear<Kind extends Said['kind']>(
    kind: Kind,
  ): Promise<Extract<Said, { readonly kind: Kind }>> {
    for (;;) {
      const found = this.#said.find((said) => said.kind === kind)
      if (found !== undefined) return found as Extract<Said, { readonly kind: Kind }>
      const { exitCode, signalCode } = this.#child
      if (exitCode !== null || signalCode !== null)
        throw new Error(`the phones ended (${exitCode ?? signalCode}) before they said ${kind}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const ended = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    await ended
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }
}
