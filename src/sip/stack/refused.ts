//! Requests that were turned away without a transaction. Their retransmissions must meet the same
//! fate (RFC 3261 §8.2.7): one that got through would ring a phone for a caller who has given up.
//! Pure. Bounded: under a flood the oldest are forgotten early.

import { after, millis, type Millis } from '../../base/time.ts'
import type { ServerKey } from '../transaction/keys.ts'

/** 64*T1: nobody sends a request again for longer. */
const MEMORY: Millis = millis(32_000)
const GENERATION_MAX = 50_000

export class Refused {
  #young = new Set<ServerKey>()
  #old = new Set<ServerKey>()
  #turn = millis(0)

  isEmpty(now: Millis): boolean {
    this.#age(now)
    return this.#young.size === 0 && this.#old.size === 0
  }

  has(key: ServerKey): boolean {
    return this.#young.has(key) || this.#old.has(key)
  }

  add(key: ServerKey, now: Millis): void {
    if (this.#young.size === 0) this.#turn = after(now, MEMORY)
    if (this.#young.size >= GENERATION_MAX) this.#grow(now)
    this.#young.add(key)
  }

  #age(now: Millis): void {
    if (now < this.#turn || this.#young.size + this.#old.size === 0) return
    if (now >= after(this.#turn, MEMORY)) this.#young.clear()
    this.#grow(now)
  }

  #grow(now: Millis): void {
    this.#old = this.#young
    this.#young = new Set()
    this.#turn = after(now, MEMORY)
  }
}
