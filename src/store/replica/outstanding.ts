//! Proposals without an outcome. Outcomes are told in the order of proposing, whatever the order in
//! which they come.

import type { LogIndex } from '../../raft/entry.ts'
import { Fifo } from './fifo.ts'
import type { Failed, Outcomes, Refused } from './protocol.ts'

export type Slot = { outcome: Outcome | undefined }
export type Outcome =
  | { readonly index: LogIndex; readonly refusal: string | undefined }
  | { readonly failure: Failed['kind'] }

export class Outstanding {
  readonly #slots = new Fifo<Slot>()
  readonly #tell: (outcomes: Outcomes) => void

  constructor(tell: (outcomes: Outcomes) => void) {
    this.#tell = tell
  }

  open(): Slot {
    const slot: Slot = { outcome: undefined }
    this.#slots.push(slot)
    return slot
  }

  /** What is known of the first of them. */
  flush(): void {
    const indexes: number[] = []
    const refusals: Refused[] = []
    const failures: Failed[] = []
    for (;;) {
      const outcome = this.#slots.first()?.outcome
      if (outcome === undefined) break
      this.#slots.shift()
      const place = indexes.length
      indexes.push('index' in outcome ? outcome.index : 0)
      if ('failure' in outcome) failures.push({ place, kind: outcome.failure })
      else if (outcome.refusal !== undefined) refusals.push({ place, reason: outcome.refusal })
    }
    if (indexes.length > 0) this.#tell({ indexes, refusals, failures })
  }
}
