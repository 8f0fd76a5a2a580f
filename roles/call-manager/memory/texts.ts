//! Texts outside of the heap: for what there are 100,000 of and what is seldom looked at. As
//! strings they would be marked by every collection, and the heap is allowed to be twice its size.
//!
//! Blocks of a few sizes are cut from pages; one that is let go is used again for a text that needs
//! its size. Few sizes, so that a text which grows little by little, again and again, cannot leave
//! behind a block of every length: all it ever leaves is a few times what it is at its longest.
//! Pages are never given back: there will be as many texts again. Pure.

import { assert } from '../../../src/base/assert.ts'
import type { Brand } from '../../../src/base/brand.ts'

/** Where a text lies, as the number of its first granule. */
export type Place = Brand<number, 'Place'>

const PAGE = 1 << 20
const GRANULE = 32
const GRANULES = PAGE / GRANULE
/** Up to here every number of granules is a size: most texts are as short, and waste nothing. */
const EXACT = 8
/** In front of each text: how long it is. */
const HEADER = 4

export const TEXT_MAX = PAGE - HEADER

export class Texts {
  readonly #pages: Buffer[] = []
  /** Places that were let go, by the size of their blocks in granules. */
  readonly #free = new Map<number, Place[]>()
  /** The first granule that was never used. */
  #next = 0

  /** Of all pages. */
  get bytes(): number {
    return this.#pages.length * PAGE
  }

  /** `text` is bytes: one character is one of them. At most `TEXT_MAX`. */
  put(text: string): Place {
    const size = sizeOf(text.length)
    const place = this.#free.get(size)?.pop() ?? this.#cut(size)
    this.#write(place, text)
    return place
  }

  /** Where the new text lies: in place of the old one when it takes as much room. */
  replace(place: Place, text: string): Place {
    if (sizeOf(text.length) === sizeOf(this.#lengthAt(place))) {
      this.#write(place, text)
      return place
    }
    this.drop(place)
    return this.put(text)
  }

  drop(place: Place): void {
    const size = sizeOf(this.#lengthAt(place))
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [place])
    else free.push(place)
  }

  get(place: Place): string {
    const start = startOf(place) + HEADER
    return this.#pageOf(place).toString('latin1', start, start + this.#lengthAt(place))
  }

  /** Whether `part` stands `from` characters in. Makes no string. */
  holds(place: Place, part: string, from: number): boolean {
    const page = this.#pageOf(place)
    const start = startOf(place)
    if (page.readUInt32LE(start) < from + part.length) return false
    const first = start + HEADER + from
    for (let index = 0; index < part.length; index++)
      if (page[first + index] !== part.charCodeAt(index)) return false
    return true
  }

  /** One character's code. */
  codeAt(place: Place, index: number): number {
    return this.#pageOf(place)[startOf(place) + HEADER + index] ?? 0
  }

  #write(place: Place, text: string): void {
    const page = this.#pageOf(place)
    const start = startOf(place)
    page.writeUInt32LE(text.length, start)
    page.write(text, start + HEADER, 'latin1')
  }

  #lengthAt(place: Place): number {
    return this.#pageOf(place).readUInt32LE(startOf(place))
  }

  #pageOf(place: Place): Buffer {
    const page = this.#pages[Math.floor(place / GRANULES)]
    assert(page !== undefined, 'a place that was given out')
    return page
  }

  #cut(size: number): Place {
    assert(size <= GRANULES, 'a text of more than a page')
    // A text lies in one page; what is left of the page before is lost.
    if (this.#next + size > this.#pages.length * GRANULES) {
      this.#next = this.#pages.length * GRANULES
      this.#pages.push(Buffer.allocUnsafeSlow(PAGE))
    }
    const place = this.#next as Place
    this.#next += size
    return place
  }
}

/** Of the block for so many characters, in granules: 1 to 8, then 12, 16, 24, 32, 48 and so on. */
function sizeOf(length: number): number {
  const needed = Math.ceil((length + HEADER) / GRANULE)
  if (needed <= EXACT) return needed
  const power = 2 ** (32 - Math.clz32(needed - 1))
  return needed <= power * 0.75 ? power * 0.75 : power
}

function startOf(place: Place): number {
  return (place % GRANULES) * GRANULE
}
