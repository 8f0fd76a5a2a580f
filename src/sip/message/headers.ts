//! Header fields in order. What was received stays in the datagram's string until asked for; what
//! is being built is mutable. Once sent or received a message's headers are treated as read-only.

import { assert } from '../../base/assert.ts'
import { commaAt, isToken, skipBlanks, splitList, trimEnd } from './chars.ts'
import { canonicalName, knownName, type HeaderName } from './header-name.ts'
import { wireText } from './text.ts'

/** One field line: the value is `text` from `at` to `end`, unfolded and trimmed. Immutable. */
export class Field {
  readonly name: HeaderName
  readonly text: string
  readonly at: number
  readonly end: number
  #value: string | undefined

  constructor(name: HeaderName, text: string, at: number, end: number) {
    this.name = name
    this.text = text
    this.at = at
    this.end = end
  }

  get value(): string {
    return (this.#value ??= this.text.slice(this.at, this.end))
  }
}

export class Headers {
  #fields: Field[]
  /** What the views have read, by view; emptied by every change. */
  #memo: unknown[] | undefined

  /** The array becomes this object's own. */
  constructor(fields: Field[] = []) {
    this.#fields = fields
  }

  static of(entries: Iterable<readonly [string, string]>): Headers {
    const headers = new Headers()
    for (const [name, value] of entries) headers.add(name, value)
    return headers
  }

  /** The first field's value, unfolded and trimmed. Names in any spelling, compact ones too. */
  get(name: HeaderName): string | undefined {
    return this.first(name)?.value
  }

  /** Every field line's value, in order, not split. */
  all(name: HeaderName): readonly string[] {
    return this.fields(name).map((field) => field.value)
  }

  /** The values split at top-level commas, across lines. Not for dates or digests. */
  list(name: HeaderName): readonly string[] {
    const values: string[] = []
    for (const { text, at, end } of this.fields(name)) splitList(text, at, end, values)
    return values
  }

  /** Whether that name has one value in all; none is not one. */
  isSingle(name: HeaderName): boolean {
    const index = this.#indexOf(name)
    const first = this.#fields[index]
    if (first === undefined || commaAt(first.text, first.at, first.end) !== first.end) return false
    for (let next = index + 1; next < this.#fields.length; next++)
      if (this.#fields[next]?.name === first.name) return false
    return true
  }

  has(name: HeaderName): boolean {
    return this.first(name) !== undefined
  }

  add(name: HeaderName, value: string): this {
    this.#change().push(field(name, value))
    return this
  }

  /** Appends another message's fields of that name, as they are. */
  copyAll(other: Headers, name: HeaderName): this {
    const theirs = other.#fields
    const first = other.#indexOf(name)
    if (first === -1) return this
    const fields = this.#change()
    const canonical = theirs[first]?.name
    for (let index = first; index < theirs.length; index++) {
      const each = theirs[index]
      if (each !== undefined && each.name === canonical) fields.push(each)
    }
    return this
  }

  /** The same, but only the first of them. */
  copyFirst(other: Headers, name: HeaderName): this {
    const first = other.first(name)
    if (first !== undefined) this.#change().push(first)
    return this
  }

  /** In front of the first of that name, or of everything: Via, Record-Route. */
  prepend(name: HeaderName, value: string): this {
    const index = this.#indexOf(name)
    this.#change().splice(Math.max(index, 0), 0, field(name, value))
    return this
  }

  /** Replaces all of that name by one, in the first one's place. */
  set(name: HeaderName, value: string): this {
    const index = this.#indexOf(name)
    if (index === -1) return this.add(name, value)
    const replacement = field(name, value)
    this.#change()
    this.#fields = this.#fields.filter(
      (each, place) => place === index || each.name !== replacement.name,
    )
    this.#fields[index] = replacement
    return this
  }

  remove(name: HeaderName): this {
    const canonical = canonicalName(name)
    if (this.#indexOf(canonical) === -1) return this
    this.#change()
    this.#fields = this.#fields.filter((each) => each.name !== canonical)
    return this
  }

  /** Takes off the first list value: the top Via, the first Route. */
  dropFirst(name: HeaderName): this {
    const index = this.#indexOf(name)
    const first = this.#fields[index]
    if (first === undefined) return this
    const { text, at, end } = first
    const next = skipBlanks(text, commaAt(text, at, end) + 1, end)
    const rest = new Field(first.name, text, next, end)
    this.#change().splice(index, 1, ...(next < end ? [rest] : []))
    return this
  }

  /** An independent copy; the fields themselves are shared, they never change. */
  copy(): Headers {
    return new Headers(this.#fields.slice())
  }

  *entries(): Generator<readonly [HeaderName, string]> {
    for (const each of this.#fields) yield [each.name, each.value]
  }

  get size(): number {
    return this.#fields.length
  }

  /** For readers that parse in place: the first field of that name. */
  first(name: HeaderName): Field | undefined {
    return this.#fields[this.#indexOf(name)]
  }

  /** All fields of that name; without one, all there are. */
  fields(name?: HeaderName): readonly Field[] {
    if (name === undefined) return this.#fields
    const index = this.#indexOf(name)
    const first = this.#fields[index]
    if (first === undefined) return []
    return this.#fields.filter((each, place) => place >= index && each.name === first.name)
  }

  /** The views' memory: one slot a view. */
  get memo(): unknown[] {
    return (this.#memo ??= [])
  }

  #indexOf(name: HeaderName): number {
    const fields = this.#fields
    for (let index = 0; index < fields.length; index++)
      if (fields[index]?.name === name) return index
    const canonical = canonicalName(name)
    return canonical === name ? -1 : this.#indexOf(canonical)
  }

  #change(): Field[] {
    this.#memo = undefined
    return this.#fields
  }
}

function field(name: HeaderName, value: string): Field {
  const known = knownName(name)
  const canonical = known ?? canonicalName(name)
  assert(known !== undefined || isToken(canonical), 'header name is no token')
  const text = wireText(value)
  const at = skipBlanks(text, 0, text.length)
  return new Field(canonical, text, at, trimEnd(text, at, text.length))
}
