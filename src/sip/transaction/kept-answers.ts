//! Answers as they were on the wire, for retransmissions: bytes in a ring of blocks. Tens of
//! thousands wait out Timer J at any time and hardly one is asked for again; as objects of their
//! own all of them would be carried through the garbage collector. Pure.

import { assert } from '../../base/assert.ts'
import type { Brand } from '../../base/brand.ts'

/** Where an answer begins, counted from the first byte ever kept. */
export type Kept = Brand<number, 'Kept'>

const BLOCK = 128 << 10

/** The longest answer that can be kept; no datagram is longer. */
export const KEPT_MAX = 64 << 10

export class KeptAnswers {
  /** Made when first needed: most stacks of a test never fill one. */
  readonly #blocks: Uint8Array[] = []
  readonly #blocksMax: number
  /** The block being filled, counted from the first ever, and how far it is. */
  #current = 0
  #used = 0

  /** About the last `bytes` of what was kept can be read. */
  constructor(bytes: number) {
    this.#blocksMax = Math.ceil(bytes / BLOCK) + 1
  }

  keep(wire: Uint8Array): Kept {
    assert(wire.length <= KEPT_MAX, 'an answer longer than a datagram')
    if (this.#used + wire.length > BLOCK) {
      this.#current++
      this.#used = 0
    }
    const place = this.#current % this.#blocksMax
    const block = (this.#blocks[place] ??= new Uint8Array(BLOCK))
    block.set(wire, this.#used)
    const kept = this.#current * BLOCK + this.#used
    this.#used += wire.length
    return kept as Kept
  }

  /** A copy; undefined when newer answers have taken its place. */
  read(kept: Kept, length: number): Uint8Array | undefined {
    const number = Math.floor(kept / BLOCK)
    if (number <= this.#current - this.#blocksMax) return undefined
    const from = kept % BLOCK
    return this.#blocks[number % this.#blocksMax]?.slice(from, from + length)
  }
}
