//! A bounded set of hashes (`hash31`), outside of the heap: what was added or looked for of late is
//! in it. Pure.

/** Hashes that share a set; the one that was not met for longest makes room. */
const WAYS = 8

export class RecentHashes {
  readonly #hashes: Uint32Array
  readonly #setsMask: number

  /** `capacity`: a power of two, and best twice as many as are to be kept. */
  constructor(capacity: number) {
    // Zero is a vacancy, so a hash is kept as one more than it is.
    this.#hashes = new Uint32Array(capacity)
    this.#setsMask = capacity / WAYS - 1
  }

  has(hash: number): boolean {
    const first = this.#setOf(hash)
    for (let at = first; at < first + WAYS; at++) {
      if (this.#hashes[at] !== hash + 1) continue
      this.#toFront(first, at, hash)
      return true
    }
    return false
  }

  add(hash: number): void {
    if (!this.has(hash)) this.#toFront(this.#setOf(hash), this.#setOf(hash) + WAYS - 1, hash)
  }

  #setOf(hash: number): number {
    // The low bits of FNV are its best, but neighbours must not share a set.
    return ((hash ^ (hash >>> 15)) & this.#setsMask) * WAYS
  }

  #toFront(first: number, at: number, hash: number): void {
    for (let to = at; to > first; to--) this.#hashes[to] = this.#hashes[to - 1] ?? 0
    this.#hashes[first] = hash + 1
  }
}
