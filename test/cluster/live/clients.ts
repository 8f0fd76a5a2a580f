//! The history that `workload.ts` made, while it makes it and once it is over.

import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { EntryOperation } from '../linear/entry.ts'
import type { Trio } from './trio.ts'

const RATE = 240

export class Clients {
  readonly #child: ChildProcess
  readonly #operations: EntryOperation[] = []
  readonly #ended: Promise<void>
  /** When those were asked that had no effect and no answer. */
  readonly #failed: number[] = []
  #said = ''

  constructor(trio: Trio, prefix: string) {
    const child = trio.clients(prefix, RATE)
    this.#child = child
    if (child.stdout === null) throw new Error('it writes to a pipe')
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => this.#take(line))
    child.stderr?.on('data', (piece: Buffer) => (this.#said += piece.toString()))
    this.#ended = new Promise((resolve, reject) => {
      let isRead = false
      lines.once('close', () => (isRead = true))
      child.once('close', (code) => {
        if (code === 0 && isRead) resolve()
        else reject(new Error(`the clients ended with ${code}: ${this.#said}`))
      })
    })
    // Whoever ends them sees it.
    this.#ended.catch(() => {})
  }

  /** One that was asked for after `time` has been answered. */
  isServedSince(time: number): boolean {
    return this.#operations.some(({ called, output }) => called > time && output !== undefined)
  }

  /** Nothing new; each key read once more. */
  async end(): Promise<readonly EntryOperation[]> {
    this.#child.kill('SIGTERM')
    await this.#ended
    return this.#operations
  }

  /** Operations that were asked for in a second, between the first and the last moment. */
  rate(from: number, to: number): number {
    const within = (called: number): boolean => called >= from && called < to
    const asked = this.#operations.filter(({ called }) => within(called)).length
    return ((asked + this.#failed.filter(within).length) * 1_000) / (to - from)
  }

  /** The longest time in which nobody got an answer, in milliseconds. */
  gap(from: number, to: number): number {
    const answered = this.#operations
      .flatMap(({ output, returned }) => (output === undefined ? [] : [returned]))
      .filter((at) => at >= from && at <= to)
      .toSorted((a, b) => a - b)
    const times = [from, ...answered, to]
    return Math.max(...times.slice(1).map((at, place) => at - (times[place] ?? at)))
  }

  #take(line: string): void {
    const told = JSON.parse(line) as EntryOperation | { readonly failed: number }
    if ('failed' in told) this.#failed.push(told.failed)
    else this.#operations.push(told)
  }
}
