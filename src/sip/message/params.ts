//! Parameters of a URI or a header field: `;name=value`, names in any case, values as they came.

import {
  isToken,
  PARAM,
  quote,
  quotedEnd,
  runEnd,
  sameText,
  skipBlanks,
  TOKEN,
  unquote,
  VALUE,
} from './chars.ts'
import { MAX_PARAMS } from './limits.ts'
import { NameTable } from './name-table.ts'

const SEMICOLON = 0x3b
const EQUALS = 0x3d
const QUOTE = 0x22

/** Lower-case, checked when compiled: a name in another case would never be found. */
export type ParamName = Lowercase<string>

type Entry = readonly [name: ParamName, value: string | undefined]

/** Immutable: `with` and `without` return another. Of a name given twice the first counts. */
export class Params implements Iterable<Entry> {
  static readonly NONE = new Params([], [])

  /** Lower-case. */
  readonly #names: readonly ParamName[]
  /** As on the wire, quotes included; undefined for a flag. */
  readonly #values: readonly (string | undefined)[]

  private constructor(names: readonly ParamName[], values: readonly (string | undefined)[]) {
    this.#names = names
    this.#values = values
  }

  /**
   * Reads `;name=value;…` from `at`, where a `;` or blanks before one are expected, up to `end`.
   * Undefined when malformed.
   */
  static parse(text: string, at: number, end: number): Params | undefined {
    let index = skipBlanks(text, at, end)
    if (index === end) return Params.NONE
    const names: ParamName[] = []
    const values: (string | undefined)[] = []
    while (index < end) {
      if (text.charCodeAt(index) !== SEMICOLON) return undefined
      const nameAt = skipBlanks(text, index + 1, end)
      const nameEnd = runEnd(PARAM | TOKEN, text, nameAt, end)
      if (nameEnd === nameAt || names.length === MAX_PARAMS) return undefined
      names.push(nameOf(text, nameAt, nameEnd))
      index = skipBlanks(text, nameEnd, end)
      if (index === end || text.charCodeAt(index) !== EQUALS) {
        values.push(undefined)
        continue
      }
      const valueAt = skipBlanks(text, index + 1, end)
      const valueEnd = endOfValue(text, valueAt, end)
      if (valueEnd === -1) return undefined
      values.push(text.slice(valueAt, valueEnd))
      index = skipBlanks(text, valueEnd, end)
    }
    return new Params(names, values)
  }

  get size(): number {
    return this.#names.length
  }

  has(name: ParamName): boolean {
    return this.#indexOf(name) !== -1
  }

  /** The value without quotes; undefined when there is no such parameter, or it has no value. */
  get(name: ParamName): string | undefined {
    const raw = this.raw(name)
    return raw === undefined ? undefined : unquote(raw)
  }

  /** The value as on the wire, quotes included. */
  raw(name: ParamName): string | undefined {
    const index = this.#indexOf(name)
    return index === -1 ? undefined : this.#values[index]
  }

  /** Sets or replaces; a value that is no token is quoted. */
  with(name: ParamName, value?: string): Params {
    return this.withRaw(name, value === undefined || isPlain(value) ? value : quote(value))
  }

  /** Sets or replaces with a value that is already in wire form. */
  withRaw(name: ParamName, value: string | undefined): Params {
    const index = this.#indexOf(name)
    if (index !== -1) return new Params(this.#names, this.#values.with(index, value))
    return new Params([...this.#names, name], [...this.#values, value])
  }

  without(name: ParamName): Params {
    const index = this.#indexOf(name)
    if (index === -1) return this
    return new Params(this.#names.toSpliced(index, 1), this.#values.toSpliced(index, 1))
  }

  /** Each name and value made over, in wire form. */
  map(make: (text: string) => string): Params {
    return new Params(
      this.#names.map((name) => lowerCase(make(name))),
      this.#values.map((value) => (value === undefined ? undefined : make(value))),
    )
  }

  /** Names lower-case, values as on the wire. */
  *[Symbol.iterator](): Generator<Entry> {
    for (const [index, name] of this.#names.entries()) yield [name, this.#values[index]]
  }

  /** `;name=value…`, empty when there are none. */
  toString(): string {
    let text = ''
    for (const [name, value] of this) text += value === undefined ? `;${name}` : `;${name}=${value}`
    return text
  }

  #indexOf(name: ParamName): number {
    const names = this.#names
    for (let index = 0; index < names.length; index++) if (names[index] === name) return index
    return -1
  }
}

const NAMES = new NameTable(
  (
    'tag branch rport received maddr ttl lr transport user method ob expires q +sip.instance ' +
    'reg-id alias keep comp pub-gruu temp-gruu cause text refresher id reason retry-after to-tag ' +
    'from-tag early-only isfocus boundary handling charset index privacy phone-context gr'
  )
    .split(' ')
    .map((name) => [name, lowerCase(name)]),
)

function nameOf(text: string, at: number, end: number): ParamName {
  return NAMES.find(text, at, end) ?? lowerCase(text.slice(at, end))
}

function lowerCase(text: string): ParamName {
  return text.toLowerCase() as ParamName
}

/** Where the value ends, quoted or not; -1 when a quote never closes. */
function endOfValue(text: string, at: number, end: number): number {
  if (at < end && text.charCodeAt(at) === QUOTE) return quotedEnd(text, at, end)
  return runEnd(VALUE, text, at, end)
}

/** What may stand unquoted: a token, a host, an IPv6 reference. */
function isPlain(value: string): boolean {
  return isToken(value) || /^\[[\da-f:.]+\]$/i.test(value)
}

/** The same names with the same values in any order; names and values in any case. */
export function sameParams(a: Params, b: Params): boolean {
  if (a.size !== b.size) return false
  for (const [name] of a)
    if (!b.has(name) || !sameText(a.raw(name) ?? '', b.raw(name) ?? '')) return false
  return true
}
