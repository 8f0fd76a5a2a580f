//! A perfect hash over names that are known beforehand: from a place in a text to the one string
//! that stands for the name, in any case, without making a string to look it up with. What comes
//! from here is the engine's own copy of a property key, so comparing two costs one address.

/** A spelling as it is mostly written, and what it stands for. */
export type Spelling<Meaning extends string> = readonly [usual: string, meaning: Meaning]

export class NameTable<Meaning extends string> {
  readonly #entries: readonly (Entry<Meaning> | undefined)[]
  readonly #seed: number

  constructor(spellings: Iterable<Spelling<Meaning>>) {
    const entries = Array.from(spellings, ([usual, meaning]) => ({
      usual,
      lower: usual.toLowerCase(),
      meaning: intern(meaning),
    }))
    // Sparse enough that a seed without collisions is found at once.
    const size = 1 << Math.ceil(Math.log2(entries.length * 24))
    let seed = 1
    let table = place(entries, size, seed)
    while (table === undefined) table = place(entries, size, ++seed)
    this.#entries = table
    this.#seed = seed
  }

  /** What the name from `at` to `end` stands for; undefined when it is not a known one. */
  find(text: string, at: number, end: number): Meaning | undefined {
    const entry = this.#entries[hash(text, at, end, this.#seed) & (this.#entries.length - 1)]
    if (entry === undefined || entry.usual.length !== end - at) return undefined
    if (text.startsWith(entry.usual, at)) return entry.meaning
    return text.slice(at, end).toLowerCase() === entry.lower ? entry.meaning : undefined
  }
}

type Entry<Meaning> = {
  readonly usual: string
  readonly lower: string
  readonly meaning: Meaning
}

/** The table for that seed, or undefined when two names fall together. */
function place<Meaning>(
  entries: readonly Entry<Meaning>[],
  size: number,
  seed: number,
): Entry<Meaning>[] | undefined {
  const table: Entry<Meaning>[] = Array.from({ length: size })
  for (const entry of entries) {
    const slot = hash(entry.lower, 0, entry.lower.length, seed) & (size - 1)
    if (table[slot] !== undefined) return undefined
    table[slot] = entry
  }
  return table
}

/** Of length, first, last and two inner characters, without their case. */
function hash(text: string, at: number, end: number, seed: number): number {
  const length = end - at
  const first = text.charCodeAt(at) | 0x20
  const last = text.charCodeAt(end - 1) | 0x20
  const middle = text.charCodeAt(at + (length >> 1)) | 0x20
  const early = text.charCodeAt(at + (length >> 2)) | 0x20
  const mixed = Math.imul(first + (last << 8) + (middle << 16) + (early << 24) + length, seed)
  return (mixed ^ (mixed >>> 15)) >>> 3
}

/** The engine keeps one copy of every property key. */
function intern<Text extends string>(text: Text): Text {
  return (Object.keys({ [text]: true })[0] ?? text) as Text
}
