//! Overload control: refuses new work before latency collapses.
//!
//! Whether a queue stands shows in three ways: messages waited before they were read, the event
//! loop comes late, or it has not been idle at all (then the queue is in the kernel, where nobody
//! sees it). After `PATIENCE` of that a growing share of new requests is refused; when it is over
//! the share shrinks again. Between the two thresholds it stays, so that it does not swing.
//!
//!     calm ──late or busy for PATIENCE──> refusing: share grows by a quarter of what is left
//!      ^                                     |
//!      +───────── share below 5 % <──────────+ neither late nor busy: share shrinks by a fifth
//!
//! Pure: fed with one sample about every 100 ms.

import { millis, type Millis } from '../../base/time.ts'

export type LoadSample = {
  /** How late the timer of this sample fired. */
  readonly late: Millis
  /** The longest that a message is known to have waited in the kernel; 0 when not known. */
  readonly waited: Millis
  /** Share of the time since the last sample that the event loop was not idle, 0 to 1. */
  readonly busy: number
  /** Messages since the last sample. */
  readonly messages: number
}

const LATE_MAX = 50
const LATE_CALM = 20
const BUSY_MAX = 0.98
const BUSY_CALM = 0.9
const SMOOTHING = 0.3
/** Shorter peaks are what queues are for. */
const PATIENCE: Millis = millis(300)
/** With fewer than this a sample it is not SIP that keeps the loop busy. */
const MESSAGES_MIN = 10
const GROWTH = 0.25
const SHRINK = 0.8
const SHARE_MIN = 0.05

export class Overload {
  #late = 0
  #overSince: Millis | undefined
  #share = 0
  #due = 0

  /** The share of new requests that is refused, 0 to 1. */
  get share(): number {
    return this.#share
  }

  sample({ late, waited, busy, messages }: LoadSample, now: Millis): void {
    this.#late += SMOOTHING * (Math.max(late, waited) - this.#late)
    const over = messages >= MESSAGES_MIN && (this.#late > LATE_MAX || busy >= BUSY_MAX)
    if (over) {
      this.#overSince ??= now
      if (now - this.#overSince >= PATIENCE) this.#share += GROWTH * (1 - this.#share)
      return
    }
    this.#overSince = undefined
    if (messages >= MESSAGES_MIN && (this.#late > LATE_CALM || busy >= BUSY_CALM)) return
    this.#share = this.#share * SHRINK < SHARE_MIN ? 0 : this.#share * SHRINK
  }

  /** Asked once for each new request; spreads the refusals evenly. */
  refuses(): boolean {
    if (this.#share === 0) return false
    this.#due += this.#share
    if (this.#due < 1) return false
    this.#due -= 1
    return true
  }
}
