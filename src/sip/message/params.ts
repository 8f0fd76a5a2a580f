//! Parameters of a URI or a header field: `;name=value`, names in any case, values as they came.

import {
  isBlank,
  isToken,
  lower,
  quote,
  quotedEnd,
  sameText,
  skipBlanks,
  unquote,
} from './chars.ts'

/** Immutable; `with` and `without` return another. */
export class Params implements Iterable<readonly [string, string | undefined]> {
  static readonly NONE = new Params([], [])

  /** Lower-case. */
  readonly #names: readonly string[]
  /** As on the wire, quotes included; undefined for a flag. */
  readonly #values: readonly (string | undefined)[]

  private constructor(names: readonly string[], values: readonly (string | undefined)[]) {
    this.#names = names
    this.#values = values
  }

  static of(entries: Iterable<readonly [string, string | undefined]>): Params {
    let params = Params.NONE
    for (const [name, value] of entries) params = params.with(name, value)
    return params
  }

  /**
   * Reads `;name=value;…` in `text` from `at`, where a `;` or blanks before one are expected, up to
   * `end`. Undefined when malformed.
   */
  static parse(text: string, at: number, end: number): Params | undefined {
    const names: string[] = []
    const values: (string | undefined)[] = []
    let index = skipBlanks(text, at, end)
    while (index < end) {
      if (text.charCodeAt(index) !== SEMICOLON) return undefined
      const nameAt = skipBlanks(text, index + 1, end)
      let nameEnd = nameAt
      while (nameEnd < end && isNameChar(text.charCodeAt(nameEnd))) nameEnd++
      if (nameEnd === nameAt) return undefined
      names.push(lower(text.slice(nameAt, nameEnd)))
      index = skipBlanks(text, nameEnd, end)
      if (text.charCodeAt(index) !== EQUALS || index >= end) {
        values.push(undefined)
        continue
      }
      const valueAt = skipBlanks(text, index + 1, end)
      const valueEnd = endOfValue(text, valueAt, end)
      if (valueEnd === -1) return undefined
      values.push(text.slice(valueAt, valueEnd))
      index = skipBlanks(text, valueEnd, end)
    }
    return names.length === 0 ? Params.NONE : new Params(names, values)
  }

  get size(): number {
    return this.#names.length
  }

  has(name: string): boolean {
    return this.#indexOf(name) !== -1
  }

  /** The value without quotes; undefined when there is no such parameter, or it has no value. */
  get(name: string): string | undefined {
    const raw = this.raw(name)
    return raw === undefined ? undefined : unquote(raw)
  }

  /** The value as on the wire, quotes included. */
  raw(name: string): string | undefined {
    const index = this.#indexOf(name)
    return index === -1 ? undefined : this.#values[index]
  }

  /** Sets or replaces; a value that is no token is quoted. */
  with(name: string, value?: string): Params {
    return this.withRaw(name, value === undefined || isPlain(value) ? value : quote(value))
  }

  /** Sets or replaces; the value is quoted even where it need not be. */
  withQuoted(name: string, value: string): Params {
    return this.withRaw(name, quote(value))
  }

  /** Sets or replaces with a value that is already in wire form. */
  withRaw(name: string, value: string | undefined): Params {
    const index = this.#indexOf(name)
    if (index === -1) return new Params([...this.#names, lower(name)], [...this.#values, value])
    return new Params(this.#names, this.#values.with(index, value))
  }

  without(name: string): Params {
    const index = this.#indexOf(name)
    if (index === -1) return this
    return new Params(this.#names.toSpliced(index, 1), this.#values.toSpliced(index, 1))
  }

  /** Names lower-case, values as on the wire. */
  *[Symbol.iterator](): Generator<readonly [string, string | undefined]> {
    for (const [index, name] of this.#names.entries()) yield [name, this.#values[index]]
  }

  /** `;name=value…`, empty when there are none. */
  toString(): string {
    let text = ''
    for (let index = 0; index < this.#names.length; index++) {
      const value = this.#values[index]
      text += value === undefined ? `;${this.#names[index]}` : `;${this.#names[index]}=${value}`
    }
    return text
  }

  #indexOf(name: string): number {
    const index = this.#names.indexOf(name)
    if (index !== -1) return index
    return this.#names.findIndex((each) => sameText(each, name))
  }
}

const SEMICOLON = 0x3b
const EQUALS = 0x3d
const COMMA = 0x2c
const QUOTE = 0x22

/** Between token and what URI parameters may be named: all that cannot end a name. */
function isNameChar(code: number): boolean {
  return code > 0x20 && code !== SEMICOLON && code !== EQUALS && !isForbidden(code)
}

function isForbidden(code: number): boolean {
  return code === COMMA || code === QUOTE || code === 0x3c || code === 0x3e || code === 0x7f
}

function endOfValue(text: string, at: number, end: number): number {
  if (text.charCodeAt(at) === QUOTE && at < end) return quotedEnd(text, at, end)
  let index = at
  while (index < end) {
    const code = text.charCodeAt(index)
    if (code === SEMICOLON || isBlank(code)) break
    if (code < 0x20 || isForbidden(code)) return -1
    index++
  }
  return index
}

/** What may stand unquoted: a token, a host, an IPv6 reference. */
function isPlain(value: string): boolean {
  if (isToken(value)) return true
  return value.startsWith('[') && value.endsWith(']') && !/[\s"<>,;]/.test(value)
}
