//! Token buckets by source: so many at once, then so many a minute. Pure; bounded.

import { Lru } from './lru.ts'
import type { Millis } from './time.ts'

type Bucket = { tokens: number; at: Millis }

/** How many sources are remembered; who floods from more gets forgotten oldest first. */
const SOURCES_MAX = 10_000

export class RateLimit {
  readonly #buckets = new Lru<string, Bucket>(SOURCES_MAX)
  readonly #burst: number
  readonly #perMinute: number

  constructor(burst: number, perMinute: number) {
    this.#burst = burst
    this.#perMinute = perMinute
  }

  /** Whether it may go on now; if so it is counted. */
  admits(source: string, now: Millis): boolean {
    if (this.wait(source, now) > 0) return false
    this.take(source, now)
    return true
  }

  /** Seconds to wait before the next try; 0 when it may go on now. Takes nothing. */
  wait(source: string, now: Millis): number {
    const { tokens } = this.#bucket(source, now)
    return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * 60) / this.#perMinute)
  }

  /** Counts one try against the source. */
  take(source: string, now: Millis): void {
    const bucket = this.#bucket(source, now)
    this.#buckets.set(source, { tokens: Math.max(0, bucket.tokens - 1), at: now })
  }

  /** Undoes one `take`. */
  giveBack(source: string, now: Millis): void {
    const { tokens } = this.#bucket(source, now)
    this.#buckets.set(source, { tokens: Math.min(this.#burst, tokens + 1), at: now })
  }

  #bucket(source: string, now: Millis): Bucket {
    const bucket = this.#buckets.get(source)
    if (bucket === undefined) return { tokens: this.#burst, at: now }
    const refilled = bucket.tokens + ((now - bucket.at) * this.#perMinute) / 60_000
    return { tokens: Math.min(this.#burst, refilled), at: now }
  }
}
