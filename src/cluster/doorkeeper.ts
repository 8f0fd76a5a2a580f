//! Who may begin a TLS handshake on the peer port. A handshake costs a millisecond of the thread
//! that keeps the lease, and nobody has proved anything before it: hosts that are no nodes get few
//! at once and few a second, all together; each server its own. Pure.

import { RateLimit } from '../base/rate-limit.ts'
import { seconds, type Millis } from '../base/time.ts'

/** Of all that are no nodes, and have not shown yet that they may be here. */
const UNPROVED_MAX = 32
const UNPROVED_PER_ADDRESS = 4
/** Of a node's own, or a server's: it dials one at a time, and again when it hears nothing. */
const UNPROVED_PER_MEMBER = 16
/** Strangers count as one source. */
const ALL = ''
/** To look up whose the addresses are costs more than to turn somebody away. */
const LOOK_EVERY = seconds(1)

/** By numeric address; all others are of strangers. */
export type Addresses = ReadonlyMap<string, 'node' | 'server'>

export class Doorkeeper {
  readonly #look: () => Addresses
  #seen: { readonly addresses: Addresses; readonly at: Millis } | undefined
  readonly #present = new Map<string, number>()
  #unproved = 0
  /** Handshakes: so many in a row, then 20 a second. */
  readonly #strangers = new RateLimit(40, 20 * 60)
  /** It dials again after two seconds at most, and not as soon when it is not wanted. */
  readonly #servers = new RateLimit(10, 2 * 60)

  /** `look`: whose the addresses are now; asked once a second, however many come. */
  constructor(look: () => Addresses) {
    this.#look = look
  }

  /** Undefined when it may not come in; else to be called once it has proved itself, or is gone. */
  enter(address: string, now: Millis): (() => void) | undefined {
    const before = this.#present.get(address) ?? 0
    const kind = this.#addresses(now).get(address)
    if (kind === undefined) {
      const isFull = before >= UNPROVED_PER_ADDRESS || this.#unproved >= UNPROVED_MAX
      return !isFull && this.#strangers.admits(ALL, now) ? this.#counted(address, 1) : undefined
    }
    const isFull = before >= UNPROVED_PER_MEMBER
    const isIn = !isFull && (kind === 'node' || this.#servers.admits(address, now))
    return isIn ? this.#counted(address, 0) : undefined
  }

  #addresses(now: Millis): Addresses {
    if (this.#seen === undefined || now - this.#seen.at >= LOOK_EVERY)
      this.#seen = { addresses: this.#look(), at: now }
    return this.#seen.addresses
  }

  #counted(address: string, strangers: 0 | 1): () => void {
    this.#present.set(address, (this.#present.get(address) ?? 0) + 1)
    this.#unproved += strangers
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      this.#unproved -= strangers
      const left = (this.#present.get(address) ?? 1) - 1
      if (left > 0) this.#present.set(address, left)
      else this.#present.delete(address)
    }
  }
}
