//! When which transaction wants to be woken.

import { assert } from '../../base/assert.ts'
import { DeadlineHeap, type Deadline } from '../../base/heap.ts'
import type { Millis } from '../../base/time.ts'
import type { LayerOutput } from './layer-events.ts'

/** A transaction as the schedule sees it. */
export interface Timed {
  readonly timer: Deadline<Timed>
  deadline(): Millis | undefined
  wake(now: Millis, out: LayerOutput[]): void
}

export class Schedule {
  readonly #heap = new DeadlineHeap<Timed>()

  get size(): number {
    return this.#heap.size
  }

  arm(timed: Timed): void {
    this.#heap.set(timed.timer, timed.deadline())
  }

  disarm(timed: Timed): void {
    this.#heap.remove(timed.timer)
  }

  deadline(): Millis | undefined {
    return this.#heap.first()?.at
  }

  /** Wakes whoever is due; `settle` follows each and arms it again. */
  wake(now: Millis, out: LayerOutput[], settle: (timed: Timed) => void): void {
    for (let first = this.#heap.first(); first !== undefined; first = this.#heap.first()) {
      if (first.at > now) return
      first.owner.wake(now, out)
      settle(first.owner)
      assert(first.position === -1 || first.at > now, 'a deadline fired and did not move')
    }
  }
}
