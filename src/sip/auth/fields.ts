//! What WWW-Authenticate, Authorization and Authentication-Info are made of: RFC 7616 §3,
//! `Digest name=value, name="value"`.

import { isToken, quote, quotedEnd, skipBlanks, runEnd, TOKEN, unquote } from '../message/chars.ts'

/** The auth-params of a `Digest` field; undefined for another scheme, or when malformed. */
export function parseDigestFields(text: string): ReadonlyMap<string, string> | undefined {
  const schemeEnd = runEnd(TOKEN, text, 0, text.length)
  if (text.slice(0, schemeEnd).toLowerCase() !== 'digest') return undefined
  return parseFields(text, schemeEnd)
}

/** `name=value, …` from `from` on. A name given twice makes it malformed. */
export function parseFields(text: string, from = 0): ReadonlyMap<string, string> | undefined {
  const fields = new Map<string, string>()
  const end = text.length
  let at = skipBlanks(text, from, end)
  while (at < end) {
    const nameEnd = runEnd(TOKEN, text, at, end)
    const equals = skipBlanks(text, nameEnd, end)
    if (nameEnd === at || text.charCodeAt(equals) !== EQUALS) return undefined
    const name = text.slice(at, nameEnd).toLowerCase()
    const valueAt = skipBlanks(text, equals + 1, end)
    const valueEnd = endOfValue(text, valueAt, end)
    if (valueEnd === -1 || fields.has(name)) return undefined
    fields.set(name, unquote(text.slice(valueAt, valueEnd)))
    at = skipBlanks(text, valueEnd, end)
    if (at === end) break
    if (text.charCodeAt(at) !== COMMA) return undefined
    // A comma too many is let through: lists may hold empty elements (RFC 9110 §5.6.1).
    while (at < end && (text.charCodeAt(at) === COMMA || text.charCodeAt(at) === SPACE)) at++
  }
  return fields
}

/** Fields in order; those without a value are left out. */
export function formatFields(
  fields: readonly (readonly [name: string, value: string | undefined, form: 'quoted' | 'token'])[],
): string {
  return fields
    .flatMap(([name, value, form]) =>
      value === undefined
        ? []
        : `${name}=${form === 'token' && isToken(value) ? value : quote(value)}`,
    )
    .join(', ')
}

const SPACE = 0x20
const COMMA = 0x2c
const EQUALS = 0x3d
const QUOTE = 0x22

/** Quoted, or a run up to a comma or blank; -1 when a quote never closes or nothing is there. */
function endOfValue(text: string, at: number, end: number): number {
  if (text.charCodeAt(at) === QUOTE) return quotedEnd(text, at, end)
  let index = at
  while (index < end && text.charCodeAt(index) !== COMMA && text.charCodeAt(index) > SPACE) index++
  return index === at ? -1 : index
}
