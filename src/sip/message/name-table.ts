//! A perfect hash over names that are known beforehand: from a place in a text to the one string
//! that stands for the name, in any case, without making a string to look it up with. What comes
//! from here is the engine's own copy of a property key, so comparing two costs one address.

/** Spellings as they are mostly written, each with what it stands for. */
export type Spellings = Iterable<readonly [spelling: string, meaning: string]>

export class NameTable {
  readonly #entries: readonly (Entry | undefined)[]
  readonly #seed: number

  constructor(spellings: Spellings) {
    const entries = Array.from(spellings, ([usual, meaning]) => ({
      usual,
      lower: usual.toLowerCase(),
      meaning: intern(meaning),
    }))
    const size = 1 << Math.ceil(Math.log2(entries.length * 24))
    let seed = 1
    let table = place(entries, size, seed)
    while (table === undefined) table = place(entries, size, ++seed)
    this.#entries = table
    this.#seed = seed
  }

  /** What the name from `at` to `end` stands for; undefined when it is not a known one. */
  find(text: string, at: number, end: number): string | undefined {
    const entry = this.#entries[hash(text, at, end, this.#seed) & (this.#entries.length - 1)]
    if (entry === undefined || entry.usual.length !== end - at) return undefined
    if (text.startsWith(entry.usual, at)) return entry.meaning
    return text.slice(at, end).toLowerCase() === entry.lower ? entry.meaning : undefined
  }
}

type Entry = { readonly usual: string; readonly lower: string; readonly meaning: string }

/** The table for that seed, or undefined when two names fall together. */
function place(entries: readonly Entry[], size: number, seed: number): Entry[] | undefined {
  const table: Entry[] = Array.from({ length: size })
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
function intern(text: string): string {
  return Object.keys({ [text]: true })[0] ?? text
}
