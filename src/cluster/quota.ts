//! How much a server may say. The thread that hears it keeps the lease, and the one that it speaks
//! to serves: neither may be kept busy by one server that is not itself any more. Pure.

import type { Millis } from '../base/time.ts'

/** A thousand calls a second that begin and end on one server are half of it; so much at once. */
const MESSAGES_PER_SECOND = 20_000
const BYTES_PER_SECOND = 16 << 20
export class Quota {
  #messages = MESSAGES_PER_SECOND
  #bytes = BYTES_PER_SECOND
  #at: Millis | undefined

  /** False: that is too much. */
  take(messages: number, bytes: number, now: Millis): boolean {
    const seconds = (now - (this.#at ?? now)) / 1_000
    this.#at = now
    this.#messages = earned(this.#messages, seconds, MESSAGES_PER_SECOND) - messages
    this.#bytes = earned(this.#bytes, seconds, BYTES_PER_SECOND) - bytes
    return this.#messages >= 0 && this.#bytes >= 0
  }
}

function earned(left: number, seconds: number, perSecond: number): number {
  return Math.min(perSecond, left + seconds * perSecond)
}
