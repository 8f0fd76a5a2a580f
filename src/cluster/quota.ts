//! How much a server may say. The thread that hears it keeps the lease, and the one that it speaks
//! to serves: neither may be kept busy by servers that are not themselves any more. Who says more
//! waits; who is heard late is not lost. Pure.

import type { Millis } from '../base/time.ts'

/** Of all servers: a thousand calls a second that begin and end are half of it. */
const MESSAGES_PER_SECOND = 20_000
const BYTES_PER_SECOND = 16 << 20

/** One server's: a second's worth of all at once, then its part of it. */
export class Quota {
  readonly #servers: () => number
  #messages = MESSAGES_PER_SECOND
  #bytes = BYTES_PER_SECOND
  #at: Millis | undefined

  /** `servers`: how many share it now. */
  constructor(servers: () => number) {
    this.#servers = servers
  }

  /** It has said this. For how many milliseconds nothing more of it is to be read. */
  take(messages: number, bytes: number, now: Millis): number {
    const seconds = (now - (this.#at ?? now)) / 1_000
    const part = 1 / Math.max(1, this.#servers())
    this.#at = now
    this.#messages = earned(this.#messages, seconds * part, MESSAGES_PER_SECOND) - messages
    this.#bytes = earned(this.#bytes, seconds * part, BYTES_PER_SECOND) - bytes
    const owed = Math.max(-this.#messages / MESSAGES_PER_SECOND, -this.#bytes / BYTES_PER_SECOND, 0)
    return Math.ceil((owed / part) * 1_000)
  }
}

function earned(left: number, seconds: number, perSecond: number): number {
  return Math.min(perSecond, left + seconds * perSecond)
}
