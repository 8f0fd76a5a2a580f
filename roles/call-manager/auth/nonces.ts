//! Nonces without memory until one is used: when and to which address it was given is in the nonce
//! itself. From its first use a window of nonce counts is kept, so that no request is taken twice
//! (RFC 7616 §5.4).

import { seconds, type Millis } from '../../../src/base/time.ts'
import type { BlockTokens } from './block-token.ts'
import { hash31 } from './hash31.ts'

export type NonceUse =
  | 'fresh'
  /** Too old, not ours (of a run before this one), for another address, or used before. */
  | 'stale'

/** Counts below the highest that are told apart: what a phone may have on the way at once. */
const WINDOW = 20
const WINDOW_MASK = 2 ** WINDOW - 1

export class Nonces {
  readonly #tokens: BlockTokens
  readonly #lifetime: Millis
  readonly #capacity: number
  #issued = 0
  /** By issue number: the highest count and, in the low bits, which ones below it were seen. */
  readonly #used = new Map<number, number>()
  /** Nonces up to this number may have been used and forgotten. */
  #forgotten = 0

  constructor(tokens: BlockTokens, lifetime = seconds(3600), capacity = 200_000) {
    this.#tokens = tokens
    this.#lifetime = lifetime
    this.#capacity = capacity
  }

  issue(address: string, now: Millis): string {
    this.#issued = (this.#issued + 1) >>> 0
    return this.#tokens.encode([this.#issued, secondOf(now), hash31(address)])
  }

  /** Takes the count as used. Without one (RFC 2069 clients) the nonce is good once. */
  use(nonce: string, count: number | undefined, address: string, now: Millis): NonceUse {
    const content = this.#tokens.decode(nonce)
    if (content === undefined) return 'stale'
    const [number, issuedAt, hash] = content
    if (hash !== hash31(address)) return 'stale'
    if ((secondOf(now) - issuedAt) * 1000 > this.#lifetime) return 'stale'
    return this.#take(number, count ?? 1) ? 'fresh' : 'stale'
  }

  /** Whether we gave this nonce to this address: who sends another has not heard our challenge. */
  isOurs(nonce: string, address: string): boolean {
    return this.#tokens.decode(nonce)?.[2] === hash31(address)
  }

  #take(number: number, count: number): boolean {
    const seen = this.#used.get(number)
    if (seen === undefined) {
      if (number <= this.#forgotten) return false
      this.#used.set(number, count * 2 ** WINDOW + 1)
      if (this.#used.size > this.#capacity) this.#forgetOldest()
      return true
    }
    const highest = Math.floor(seen / 2 ** WINDOW)
    const bits = seen % 2 ** WINDOW
    const ahead = count - highest
    if (ahead > 0) {
      const moved = ahead < WINDOW ? ((bits << ahead) | 1) & WINDOW_MASK : 1
      this.#used.set(number, count * 2 ** WINDOW + moved)
      return true
    }
    const bit = -ahead < WINDOW ? 1 << -ahead : 0
    if (bit === 0 || (bits & bit) !== 0) return false
    this.#used.set(number, seen + bit)
    return true
  }

  #forgetOldest(): void {
    const oldest = this.#used.keys().next()
    if (oldest.done === true) return
    this.#used.delete(oldest.value)
    this.#forgotten = Math.max(this.#forgotten, oldest.value)
  }
}

function secondOf(now: Millis): number {
  return Math.floor(now / 1000) >>> 0
}
