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
/** No nonce has this number. */
const VACANT = 0

export class Nonces {
  readonly #tokens: BlockTokens
  readonly #lifetime: Millis
  #issued = 0
  // Each used nonce has the place that its number, modulo the capacity, says: it keeps its number,
  // the highest count, and which counts below that were seen. Typed arrays, for nonces come and go
  // by thousands a second.
  readonly #numbers: Uint32Array
  readonly #highest: Uint32Array
  readonly #seen: Uint32Array

  /** `capacity`: so many nonces later, at the soonest, a used one is stale. */
  constructor(tokens: BlockTokens, lifetime = seconds(3600), capacity = 200_000) {
    this.#tokens = tokens
    this.#lifetime = lifetime
    this.#numbers = new Uint32Array(capacity)
    this.#highest = new Uint32Array(capacity)
    this.#seen = new Uint32Array(capacity)
  }

  issue(address: string, now: Millis): string {
    this.#issued = (this.#issued + 1) >>> 0 || 1
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
    const place = number % this.#numbers.length
    const holder = this.#numbers[place] ?? VACANT
    if (holder !== number) {
      // A newer one has its place: it may have been used before that, and have been forgotten.
      if (holder !== VACANT && ((number - holder) | 0) < 0) return false
      this.#numbers[place] = number
      this.#highest[place] = count
      this.#seen[place] = 1
      return true
    }
    const seen = this.#seen[place] ?? 0
    const ahead = count - (this.#highest[place] ?? 0)
    if (ahead > 0) {
      this.#highest[place] = count
      this.#seen[place] = ahead < WINDOW ? ((seen << ahead) | 1) & WINDOW_MASK : 1
      return true
    }
    const bit = -ahead < WINDOW ? 1 << -ahead : 0
    if (bit === 0 || (seen & bit) !== 0) return false
    this.#seen[place] = seen | bit
    return true
  }
}

function secondOf(now: Millis): number {
  return Math.floor(now / 1000) >>> 0
}
