//! A node that has been given the address is there to serve: for how long it may hold it without.
//! The main thread may answer, and yet wait for something that never comes. Pure.

import { seconds, type Millis } from '../base/time.ts'

/** A hundred thousand bindings are read in two; another node takes a second. */
const PATIENCE = seconds(15)

export class Office {
  #heldSince: Millis | undefined
  #isServing = false
  /** It is known, and told, why it does not serve. */
  isExcused = false

  /** This node is to serve, or not any more. */
  held(isHeld: boolean, now: Millis): void {
    if (!isHeld) this.#heldSince = undefined
    else this.#heldSince ??= now
  }

  serves(isServing: boolean): void {
    this.#isServing = isServing
  }

  /** Why it is to be given up now; said once in that time, should nobody else take it. */
  overdue(now: Millis): string | undefined {
    if (this.#heldSince === undefined) return undefined
    // From when that is mended it has all the time again.
    if (this.isExcused) this.#heldSince = now
    const since = this.#heldSince
    if (this.#isServing || now - since < PATIENCE) return undefined
    this.#heldSince = now
    return `it has not begun to serve ${Math.round((now - since) / 1_000)} s after its election`
  }
}
