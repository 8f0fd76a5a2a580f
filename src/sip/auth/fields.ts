//! What challenges and credentials are made of: `Digest name=value, name="value"`, RFC 7616 §3.

import {
  isToken,
  quote,
  quotedEnd,
  runEnd,
  skipBlanks,
  TOKEN,
  unescapeQuoted,
} from '../message/chars.ts'

const SPACE = 0x20
const COMMA = 0x2c
const EQUALS = 0x3d
const QUOTE = 0x22
/** What a small letter has more than a capital one; no mark in a name of ours lacks it. */
const CASE = 0x20

/** Names that have a meaning; of these no text is made. */
const NAMES = (
  'username username* realm nonce uri response algorithm cnonce opaque qop nc userhash ' +
  'stale domain charset'
).split(' ')

/** What was given, by name in lower case: a dozen, looked through one by one. */
export class Fields {
  readonly #names: string[] = []
  readonly #values: string[] = []

  /** False when the name was there. */
  add(name: string, value: string): boolean {
    if (this.#names.includes(name)) return false
    this.#names.push(name)
    this.#values.push(value)
    return true
  }

  get(name: string): string | undefined {
    return this.#values[this.#names.indexOf(name)]
  }
}

/** Undefined for another scheme, a name given twice, or when malformed. */
export function parseFields(text: string): Fields | undefined {
  const fields = new Fields()
  const end = text.length
  const schemeEnd = runEnd(TOKEN, text, 0, end)
  if (!isNameAt('digest', text, 0, schemeEnd)) return undefined
  let at = skipBlanks(text, schemeEnd, end)
  while (at < end) {
    const nameEnd = runEnd(TOKEN, text, at, end)
    const equals = skipBlanks(text, nameEnd, end)
    if (nameEnd === at || text.charCodeAt(equals) !== EQUALS) return undefined
    const valueAt = skipBlanks(text, equals + 1, end)
    const valueEnd = endOfValue(text, valueAt, end)
    if (valueEnd === -1) return undefined
    if (!fields.add(nameAt(text, at, nameEnd), valueOf(text, valueAt, valueEnd))) return undefined
    at = skipBlanks(text, valueEnd, end)
    if (at === end) break
    if (text.charCodeAt(at) !== COMMA) return undefined
    // A comma too many is let through: lists may hold empty elements (RFC 9110 §5.6.1).
    while (at < end && (text.charCodeAt(at) === COMMA || text.charCodeAt(at) === SPACE)) at++
  }
  return fields
}

/** One `name=value`, with a comma before it; nothing without a value. */
export function field(name: string, value: string | undefined, form: 'quoted' | 'token'): string {
  if (value === undefined) return ''
  return `, ${name}=${form === 'token' && isToken(value) ? value : quote(value)}`
}

/** In lower case. */
function nameAt(text: string, at: number, end: number): string {
  for (const name of NAMES) if (isNameAt(name, text, at, end)) return name
  return text.slice(at, end).toLowerCase()
}

/** Whether `name`, in lower case, is what stands there in any. */
function isNameAt(name: string, text: string, at: number, end: number): boolean {
  if (name.length !== end - at) return false
  for (let index = 0; index < name.length; index++)
    if ((text.charCodeAt(at + index) | CASE) !== name.charCodeAt(index)) return false
  return true
}

function valueOf(text: string, at: number, end: number): string {
  if (text.charCodeAt(at) !== QUOTE) return text.slice(at, end)
  return unescapeQuoted(text.slice(at + 1, end - 1))
}

/** Quoted, or a run up to a comma or blank; -1 when a quote never closes or nothing is there. */
function endOfValue(text: string, at: number, end: number): number {
  if (text.charCodeAt(at) === QUOTE) return quotedEnd(text, at, end)
  let index = at
  while (index < end && text.charCodeAt(index) !== COMMA && text.charCodeAt(index) > SPACE) index++
  return index === at ? -1 : index
}
