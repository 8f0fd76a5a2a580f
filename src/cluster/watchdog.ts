//! Whether the main thread of a node answers what it is asked now and then. Pure.

import type { Millis } from '../base/time.ts'

/** Of a thread that looks every half second: it was held up itself, and knows of nobody else. */
const HELD_UP = 1_000

/** `ask`: it is to be asked now. `silent`: it has been asked for so long in vain. */
export type Finding =
  | { readonly kind: 'ask' }
  | { readonly kind: 'silent'; readonly ms: number }
  | undefined

export class Watchdog {
  /** Milliseconds. */
  readonly #patience: number
  #askedAt: Millis | undefined
  /** From when it is waited for the answer, or for what was done about its absence. */
  #waitsSince: Millis | undefined
  #lookedAt: Millis | undefined

  constructor(patience: number) {
    this.#patience = patience
  }

  /** To be called every half second. Silence is told again each time that patience is over. */
  look(now: Millis): Finding {
    const isHeldUp = this.#lookedAt !== undefined && now - this.#lookedAt > HELD_UP
    this.#lookedAt = now
    if (this.#askedAt === undefined) {
      this.#askedAt = this.#waitsSince = now
      return { kind: 'ask' }
    }
    if (isHeldUp) this.#waitsSince = now
    if (this.#waitsSince === undefined || now - this.#waitsSince < this.#patience) return undefined
    this.#waitsSince = now
    return { kind: 'silent', ms: Math.round(now - this.#askedAt) }
  }

  /** It may be asked again. */
  answered(): void {
    this.#askedAt = undefined
  }
}
