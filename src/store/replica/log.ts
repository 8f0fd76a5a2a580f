//! The step between proposing a command and applying it: its place in one order that all replicas
//! share. What a log hands on is committed: it will not be taken back, and will be met again
//! after a crash unless it was applied.

import { assert } from '../../base/assert.ts'
import type { Command, IdempotencyKey, LogIndex } from '../store.ts'

/** A command on its way into the log: passwords sealed, all that is random or timed decided. */
export type Sealed = {
  readonly command: Command
  readonly key: IdempotencyKey | undefined
}

export type Entry = Sealed & { readonly index: LogIndex }

export interface Log {
  /** Gives commands their places, in this order. They come back from `committed`. */
  propose(proposals: readonly Sealed[]): void
  /** What has been committed since it was last asked, in log order. */
  committed(): readonly Entry[]
}

/**
 * The log of a replica without peers. Nobody else must hear of an entry, so it is committed as
 * soon as it has its place; and it needs no storage of its own, because the one transaction that
 * applies it, with its index, is what makes it durable.
 */
export class LocalLog implements Log {
  #last: number
  #waiting: Entry[] = []

  constructor(applied: LogIndex) {
    this.#last = applied
  }

  propose(proposals: readonly Sealed[]): void {
    for (const { command, key } of proposals) {
      const index = ++this.#last as LogIndex
      assert(Number.isSafeInteger(index), 'the log has run out of numbers')
      this.#waiting.push({ command, key, index })
    }
  }

  committed(): readonly Entry[] {
    const entries = this.#waiting
    this.#waiting = []
    return entries
  }
}
