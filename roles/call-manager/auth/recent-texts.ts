//! A bounded set of texts, outside of the heap: what was added or looked for of late is in it. They
//! are known by 64 bits that nobody can choose without the key, so that none passes for another.
//! Pure.

import { SipHash } from './sip-hash.ts'

/** Texts that share a set; the one that was not met for longest makes room. */
const WAYS = 8
/** Bytes of a text that need no buffer of their own. */
const USUAL = 512
const ENCODER = new TextEncoder()

export class RecentTexts {
  readonly #hash: SipHash
  readonly #low: Uint32Array
  readonly #high: Uint32Array
  readonly #setsMask: number
  readonly #bytes = new Uint8Array(USUAL)

  /**
   * A secret key of 16 bytes. `capacity`: a power of two, and best twice as many as are to be kept.
   */
  constructor(key: Uint8Array, capacity: number) {
    this.#hash = new SipHash(key)
    this.#low = new Uint32Array(capacity)
    this.#high = new Uint32Array(capacity)
    this.#setsMask = capacity / WAYS - 1
  }

  has(text: string): boolean {
    this.#read(text)
    return this.#find()
  }

  add(text: string): void {
    this.#read(text)
    if (!this.#find()) this.#toFront(this.#firstOfSet() + WAYS - 1)
  }

  /** Leaves the text's hash in `#hash`. */
  #read(text: string): void {
    const { length } = text
    // UTF-8 has three bytes at most for each unit of a string.
    if (length * 3 <= USUAL) {
      const { written } = ENCODER.encodeInto(text, this.#bytes)
      return this.#hash.update(this.#bytes, written)
    }
    const bytes = ENCODER.encode(text)
    this.#hash.update(bytes, bytes.length)
  }

  #find(): boolean {
    const { low, high } = this.#hash
    const first = this.#firstOfSet()
    for (let at = first; at < first + WAYS; at++) {
      if (this.#low[at] !== low || this.#high[at] !== high) continue
      this.#toFront(at)
      return true
    }
    return false
  }

  #firstOfSet(): number {
    return (this.#hash.low & this.#setsMask) * WAYS
  }

  /** Those before `last` move back by one, and what was there is gone. */
  #toFront(last: number): void {
    const first = this.#firstOfSet()
    for (let to = last; to > first; to--) {
      this.#low[to] = this.#low[to - 1] ?? 0
      this.#high[to] = this.#high[to - 1] ?? 0
    }
    this.#low[first] = this.#hash.low
    this.#high[first] = this.#hash.high
  }
}
