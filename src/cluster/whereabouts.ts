//! Whether a host still has the address by which the other nodes know it. Pure.

import { millis, type Millis } from '../base/time.ts'

/** An interface that is taken down and up again is no news. */
const PATIENCE = millis(10_000)

export class Whereabouts {
  readonly #address: string
  #seenAt: Millis | undefined

  constructor(address: string) {
    this.#address = address
  }

  /** `own`: all that its interfaces have that are up. Why it is not found; undefined when it is. */
  look(own: readonly string[], now: Millis): string | undefined {
    if (own.includes(this.#address)) this.#seenAt = now
    if (this.#seenAt !== undefined && now - this.#seenAt < PATIENCE) return undefined
    return (
      `its host has not the address ${this.#address}, by which the others know it: see its ` +
      'cable, or stop it and name the one it has with pbx cluster change --address'
    )
  }
}
