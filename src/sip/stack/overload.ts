//! Overload control: refuses new work before latency collapses.
//!
//! The sign of overload is a queue that stands (CoDel's insight: one that empties now and then is
//! only a burst). It shows in the shortest time that any message waited before it was read, or in
//! the event loop's timers coming late. Where the kernel does not say how long messages waited, an
//! event loop that is never idle must do: behind it the queue is where nobody sees it.
//!
//!     calm ──over for PATIENCE──> refusing: a controller keeps the delay at DELAY_TARGET, or the
//!      ^                            |       loop at BUSY_TARGET, by the share that is refused
//!      +──── share back at zero <───+
//!
//! The controller is PIE's (RFC 8033): the share moves with how far the delay is from its target
//! and with how fast it changes, so that it settles where what is let in just fits. It does not
//! feel its way from zero: how much the delay grew while we were patient says how much too much
//! there is, and that is the share it begins with.
//!
//! Whom to refuse: what answers a challenge of ours is half done already, and refused last. Who has
//! heard none is refused first.
//!
//! Pure: fed with one sample about every 100 ms; the gains are per sample.

import { millis, type Millis } from '../../base/time.ts'

export type LoadSample = {
  /** How late the timer of this sample fired. */
  readonly late: Millis
  /** The shortest that a message waited since the last sample; undefined when nobody knows. */
  readonly waited: Millis | undefined
  /** Share of the time since the last sample that the event loop was not idle, 0 to 1. */
  readonly busy: number
  /** Share of that time that went into messages, 0 to 1; undefined when nobody knows. */
  readonly work: number | undefined
  /** Messages since the last sample. */
  readonly messages: number
}

/** In milliseconds. A tenth of T1: nobody begins to retransmit. */
const DELAY_TARGET = 50
const DELAY_GAIN = 0.75 / 1_000
const DELAY_CHANGE_GAIN = 1.25 / 1_000
const BUSY_TARGET = 0.95
const BUSY_MAX = 0.98
const BUSY_GAIN = 0.4
/** With nothing waiting, and the loop less busy than this, what was too much is over. */
const BUSY_CALM = 0.8
const CALM_DECAY = 0.7
/** Above its target the loop can only be 5 % busier, however much too much there is to do. */
const BUSY_GAIN_ABOVE = 2
/** Shorter peaks are what queues are for. */
const PATIENCE: Millis = millis(300)
/** What goes away by itself within this time, in ms, is refused nothing. */
const DRAIN = 1_000
/** With fewer than this a sample it is not SIP that keeps the loop busy. */
const MESSAGES_MIN = 10
/**
 * With less than this it is something else, as handshakes of thousands who come back at once: all
 * that refusing could gain is this, and who is refused comes again.
 */
const WORK_MIN = 0.15
const SHARE_MIN = 0.01
/** Beyond that even refusing is too much work, and the kernel has to drop the rest. */
const SHARE_MAX = 0.95

export class Overload {
  #delay = 0
  #over: { readonly since: Millis; readonly delay: number } | undefined
  #share = 0
  readonly #due = { fresh: 0, answering: 0 }

  /** The share of new requests that is refused, 0 to 1. */
  get share(): number {
    return this.#share
  }

  sample(load: LoadSample, now: Millis): void {
    const delay = Math.max(load.late, load.waited ?? 0)
    const change = delay - this.#delay
    this.#delay = delay
    if (load.messages < MESSAGES_MIN || (load.work ?? 1) < WORK_MIN)
      return this.#moveTo(this.#share / 2)
    const { waited, busy } = load
    if (this.#share > 0) {
      const share = this.#share + step(load, delay, change)
      const isCalm = delay < DELAY_TARGET / 2 && busy < BUSY_CALM
      return this.#moveTo(isCalm ? Math.min(share, this.#share * CALM_DECAY) : share)
    }
    const isOver = delay > DELAY_TARGET || (waited === undefined && busy > BUSY_MAX)
    this.#over = isOver ? (this.#over ?? { since: now, delay }) : undefined
    if (this.#over === undefined) return
    const took = now - this.#over.since
    if (took < PATIENCE || isDraining(this.#over.delay, delay, took)) return
    this.#moveTo(Math.max(firstShare(delay - this.#over.delay, took), step(load, delay, change)))
  }

  /** Asked once for each new request; spreads the refusals evenly over its kind. */
  refuses(kind: 'fresh' | 'answering'): boolean {
    if (this.#share === 0) return false
    const twice = 2 * this.#share
    this.#due[kind] += kind === 'fresh' ? Math.min(1, twice) : Math.max(0, twice - 1)
    if (this.#due[kind] < 1) return false
    this.#due[kind] -= 1
    return true
  }

  #moveTo(share: number): void {
    this.#share = share < SHARE_MIN ? 0 : Math.min(share, SHARE_MAX)
    if (this.#share === 0) this.#over = undefined
  }
}

/** A pause left this queue behind, and in a second from its beginning it will be gone. */
function isDraining(first: number, delay: number, took: number): boolean {
  return first > DELAY_TARGET && delay <= first * (1 - took / DRAIN)
}

/** A queue whose delay grew by `grown` ms in `took` ms is offered 1 + grown/took of what fits. */
function firstShare(grown: number, took: number): number {
  return Math.max(0, grown) / (Math.max(0, grown) + took)
}

/** By how much the share should move. */
function step({ waited, busy }: LoadSample, delay: number, change: number): number {
  const byDelay = DELAY_GAIN * (delay - DELAY_TARGET) + DELAY_CHANGE_GAIN * change
  if (waited !== undefined) return byDelay
  const excess = busy - BUSY_TARGET
  const byBusy = (excess > 0 ? BUSY_GAIN_ABOVE : BUSY_GAIN) * excess
  return delay > DELAY_TARGET ? Math.max(byBusy, byDelay) : byBusy
}
