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

/** One of a chain: most fields have one or two, and a list would take room for seventeen. */
type Param = {
  readonly name: ParamName
  /** As on the wire, quotes included; undefined for a flag. */
  readonly value: string | undefined
  /** Set while the chain is being made, and never again. */
  next: Param | undefined
}

/** Immutable: `with` and `without` return another. Of a name given twice the first counts. */
export class Params implements Iterable<Entry> {
  static readonly NONE = new Params(undefined)

  readonly #first: Param | undefined

  private constructor(first: Param | undefined) {
    this.#first = first
  }

  /**
   * Reads `;name=value;…` from `at`, where a `;` or blanks before one are expected, up to `end`.
   * Undefined when malformed.
   */
  static parse(text: string, at: number, end: number): Params | undefined {
    let index = skipBlanks(text, at, end)
    if (index === end) return Params.NONE
    let first: Param | undefined
    let last: Param | undefined
    let count = 0
    while (index < end) {
      if (text.charCodeAt(index) !== SEMICOLON) return undefined
      const nameAt = skipBlanks(text, index + 1, end)
      const nameEnd = runEnd(PARAM | TOKEN, text, nameAt, end)
      if (nameEnd === nameAt || count++ === MAX_PARAMS) return undefined
      const name = nameOf(text, nameAt, nameEnd)
      let value: string | undefined
      index = skipBlanks(text, nameEnd, end)
      if (index < end && text.charCodeAt(index) === EQUALS) {
        const valueAt = skipBlanks(text, index + 1, end)
        const valueEnd = endOfValue(text, valueAt, end)
        if (valueEnd === -1) return undefined
        value = text.slice(valueAt, valueEnd)
        index = skipBlanks(text, valueEnd, end)
      }
      const param: Param = { name, value, next: undefined }
      if (last === undefined) first = param
      else last.next = param
      last = param
    }
    return new Params(first)
  }

  get size(): number {
    let size = 0
    for (let each = this.#first; each !== undefined; each = each.next) size++
    return size
  }

  has(name: ParamName): boolean {
    return this.#find(name) !== undefined
  }

  /** The value without quotes; undefined when there is no such parameter, or it has no value. */
  get(name: ParamName): string | undefined {
    const raw = this.#find(name)?.value
    return raw === undefined ? undefined : unquote(raw)
  }

  /** The value as on the wire, quotes included. */
  raw(name: ParamName): string | undefined {
    return this.#find(name)?.value
  }

  /** Sets or replaces; a value that is no token is quoted. */
  with(name: ParamName, value?: string): Params {
    return this.withRaw(name, value === undefined || isPlain(value) ? value : quote(value))
  }

  /** Sets or replaces with a value that is already in wire form. */
  withRaw(name: ParamName, value: string | undefined): Params {
    const old = this.#find(name)
    if (old === undefined) return this.#remade((each) => each, { name, value, next: undefined })
    return this.#remade((each) => (each === old ? { name, value, next: undefined } : each))
  }

  without(name: ParamName): Params {
    const old = this.#find(name)
    return old === undefined ? this : this.#remade((each) => (each === old ? undefined : each))
  }

  /** Each name and value made over, in wire form. */
  map(make: (text: string) => string): Params {
    return this.#remade(({ name, value }) => ({
      name: lowerCase(make(name)),
      value: value === undefined ? undefined : make(value),
      next: undefined,
    }))
  }

  /** Names lower-case, values as on the wire. */
  *[Symbol.iterator](): Generator<Entry> {
    for (let each = this.#first; each !== undefined; each = each.next) yield [each.name, each.value]
  }

  /** `;name=value…`, empty when there are none. */
  toString(): string {
    let text = ''
    for (let each = this.#first; each !== undefined; each = each.next)
      text += each.value === undefined ? `;${each.name}` : `;${each.name}=${each.value}`
    return text
  }

  #find(name: ParamName): Param | undefined {
    let each = this.#first
    while (each !== undefined && each.name !== name) each = each.next
    return each
  }

  /** A copy of the chain, `more` at its end. */
  #remade(make: (param: Param) => Param | undefined, more?: Param): Params {
    let first: Param | undefined
    let last: Param | undefined
    for (let each = this.#first; each !== undefined; each = each.next) {
      const made = make(each)
      if (made === undefined) continue
      const copy: Param = { name: made.name, value: made.value, next: undefined }
      if (last === undefined) first = copy
      else last.next = copy
      last = copy
    }
    if (last !== undefined) last.next = more
    return new Params(first ?? more)
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
