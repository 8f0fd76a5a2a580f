//! Overload control: refuses new work before latency collapses.
//!
//! The sign of overload is a queue that stands (CoDel's insight: one that empties now and then is
//! only a burst). It shows in the shortest time that any message waited before it was read, or in
//! the event loop's timers coming late. Where the kernel does not say how long messages waited, an
//! event loop that is never idle must do: behind it the queue is where nobody sees it. After
//! `PATIENCE` of that a growing share of new requests is refused; when it is over the share shrinks
//! again. Between the two thresholds it stays, so that it does not swing.
//!
//!     calm ───late or busy for PATIENCE───> refusing: share grows by a quarter of what is left
//!      ^                                     |
//!      +───────── share below 5 % <──────────+ neither late nor busy: share shrinks by a fifth
//!
//! Pure: fed with one sample about every 100 ms.

import { millis, type Millis } from '../../base/time.ts'

export type LoadSample = {
  /** How late the timer of this sample fired. */
  readonly late: Millis
  /** The shortest that a message waited since the last sample; undefined when nobody knows. */
  readonly waited: Millis | undefined
  /** Share of the time since the last sample that the event loop was not idle, 0 to 1. */
  readonly busy: number
  /** Messages since the last sample. */
  readonly messages: number
}

const DELAY_MAX = 50
const DELAY_CALM = 20
const BUSY_MAX = 0.98
const BUSY_CALM = 0.9
/** Of the delay, so that one collection of garbage does not count. */
const SMOOTHING = 0.3
/** Shorter peaks are what queues are for. */
const PATIENCE: Millis = millis(300)
/** With fewer than this a sample it is not SIP that keeps the loop busy. */
const MESSAGES_MIN = 10
const GROWTH = 0.25
const SHRINK = 0.8
const SHARE_MIN = 0.05

export class Overload {
  #delay = 0
  #overSince: Millis | undefined
  #share = 0
  #due = 0

  /** The share of new requests that is refused, 0 to 1. */
  get share(): number {
    return this.#share
  }

  sample({ late, waited, busy, messages }: LoadSample, now: Millis): void {
    this.#delay += SMOOTHING * (Math.max(late, waited ?? 0) - this.#delay)
    const ours = messages >= MESSAGES_MIN
    const loop = waited === undefined ? busy : 0
    if (ours && (this.#delay > DELAY_MAX || loop >= BUSY_MAX)) {
      this.#overSince ??= now
      if (now - this.#overSince >= PATIENCE) this.#share += GROWTH * (1 - this.#share)
      return
    }
    this.#overSince = undefined
    if (ours && (this.#delay > DELAY_CALM || loop >= BUSY_CALM)) return
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
