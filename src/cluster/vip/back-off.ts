//! For how long whoever has failed does not try again: longer each time, until it has been well for
//! long. Pure.

import { after, millis, type Millis } from '../../base/time.ts'

const FIRST = millis(5_000)
const MAX = millis(320_000)
/** After so long a failure is the first again. */
const FORGOTTEN_AFTER = millis(900_000)

export class BackOff {
  #wait = FIRST
  #failedAt: Millis | undefined

  /** Until when, from a failure now. */
  failed(now: Millis): Millis {
    const isRecent = this.#failedAt !== undefined && now - this.#failedAt < FORGOTTEN_AFTER
    this.#wait = isRecent ? millis(Math.min(2 * this.#wait, MAX)) : FIRST
    this.#failedAt = now
    return after(now, this.#wait)
  }
}
