//! Who may begin a TLS handshake on the peer port. A handshake costs a millisecond of the thread
//! that keeps the lease, and nobody has proved anything before it: hosts that are no nodes get few
//! at once and few a second. Pure.

import type { Millis } from '../base/time.ts'

/** Of all that are no nodes, and have not shown yet that they may be here. */
const UNPROVED_MAX = 32
const UNPROVED_PER_ADDRESS = 4
/** Of a node's own: it dials one at a time, and again when it hears nothing. */
const UNPROVED_PER_NODE = 16
/** Handshakes of hosts that are no nodes: so many in a row, then so many a second. */
const BURST = 40
const PER_SECOND = 20

export class Doorkeeper {
  readonly #isNode: (address: string) => boolean
  readonly #present = new Map<string, number>()
  #strangers = 0
  #tokens = BURST
  #at: Millis | undefined

  /** `isNode`: whether a node has this numeric address. */
  constructor(isNode: (address: string) => boolean) {
    this.#isNode = isNode
  }

  /** Undefined when it may not come in; else to be called once it has proved itself, or is gone. */
  enter(address: string, now: Millis): (() => void) | undefined {
    const before = this.#present.get(address) ?? 0
    if (this.#isNode(address))
      return before < UNPROVED_PER_NODE ? this.#counted(address, 0) : undefined
    const earned = ((now - (this.#at ?? now)) / 1_000) * PER_SECOND
    this.#tokens = Math.min(BURST, this.#tokens + earned)
    this.#at = now
    const isFull = before >= UNPROVED_PER_ADDRESS || this.#strangers >= UNPROVED_MAX
    if (isFull || this.#tokens < 1) return undefined
    this.#tokens--
    return this.#counted(address, 1)
  }

  #counted(address: string, strangers: 0 | 1): () => void {
    this.#present.set(address, (this.#present.get(address) ?? 0) + 1)
    this.#strangers += strangers
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      this.#strangers -= strangers
      const left = (this.#present.get(address) ?? 1) - 1
      if (left > 0) this.#present.set(address, left)
      else this.#present.delete(address)
    }
  }
}
