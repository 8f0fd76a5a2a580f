//! A map from texts to numbers, outside of the heap. The texts themselves are elsewhere: whoever
//! keeps what a number stands for tells whether a text is its. Pure.

import { fnv1a } from '../../../src/base/fnv.ts'

/** Two of a text, at the least, for each one in use: then looks are short. */
const SPARE = 2
const FIRST_CAPACITY = 1_024
/** No number. */
const NONE = -1

export class TextIndex<N extends number = number> {
  readonly #isOf: (number: N, text: string) => boolean
  // Open addressing: a text is at its hash or behind it, with no gap between.
  #numbers = new Int32Array(FIRST_CAPACITY).fill(NONE)
  #hashes = new Uint32Array(FIRST_CAPACITY)
  #size = 0

  /** `isOf`: whether a number of this index stands for the text. */
  constructor(isOf: (number: N, text: string) => boolean) {
    this.#isOf = isOf
  }

  get size(): number {
    return this.#size
  }

  get(text: string): N | undefined {
    const number = this.#numbers[this.#find(text, hashOf(text))] ?? NONE
    return number === NONE ? undefined : (number as N)
  }

  /** `number` is not negative. The one that the text had stands for it until this returns. */
  set(text: string, number: N): void {
    const hash = hashOf(text)
    const at = this.#find(text, hash)
    const isNew = this.#numbers[at] === NONE
    this.#numbers[at] = number
    this.#hashes[at] = hash
    if (isNew && ++this.#size * SPARE > this.#numbers.length) this.#grow()
  }

  delete(text: string): void {
    let gap = this.#find(text, hashOf(text))
    if (this.#numbers[gap] === NONE) return
    this.#size--
    const mask = this.#numbers.length - 1
    // Who stands behind the gap and may stand in it moves there, so that nobody is cut off.
    for (let at = (gap + 1) & mask; this.#numbers[at] !== NONE; at = (at + 1) & mask) {
      const home = (this.#hashes[at] ?? 0) & mask
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      this.#numbers[gap] = this.#numbers[at] ?? NONE
      this.#hashes[gap] = this.#hashes[at] ?? 0
      gap = at
    }
    this.#numbers[gap] = NONE
  }

  /** All numbers, in no order. */
  *values(): Generator<N> {
    for (const number of this.#numbers) if (number !== NONE) yield number as N
  }

  /** Where the text is, or would be. */
  #find(text: string, hash: number): number {
    const mask = this.#numbers.length - 1
    let at = hash & mask
    for (;;) {
      const number = this.#numbers[at] ?? NONE
      if (number === NONE || (this.#hashes[at] === hash && this.#isOf(number as N, text))) return at
      at = (at + 1) & mask
    }
  }

  #grow(): void {
    const numbers = this.#numbers
    const hashes = this.#hashes
    this.#numbers = new Int32Array(numbers.length * 2).fill(NONE)
    this.#hashes = new Uint32Array(numbers.length * 2)
    const mask = this.#numbers.length - 1
    for (const [index, number] of numbers.entries()) {
      if (number === NONE) continue
      const hash = hashes[index] ?? 0
      let at = hash & mask
      while (this.#numbers[at] !== NONE) at = (at + 1) & mask
      this.#numbers[at] = number
      this.#hashes[at] = hash
    }
  }
}

/**
 * FNV-1a with a last stir: neighbours in the alphabet are far apart. Nobody but who has an account
 * gets a text in, so it needs no secret.
 */
function hashOf(text: string): number {
  const spread = fnv1a(text)
  const hash = Math.imul(spread ^ (spread >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}
