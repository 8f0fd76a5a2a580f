//! What challenges and credentials are made of: `Digest name=value, name="value"`, RFC 7616 §3.

import { isToken, quote, quotedEnd, skipBlanks, runEnd, TOKEN, unquote } from '../message/chars.ts'

const SPACE = 0x20
const COMMA = 0x2c
const EQUALS = 0x3d
const QUOTE = 0x22

/** By name; undefined for another scheme, a name given twice, or when malformed. */
export function parseFields(text: string): ReadonlyMap<string, string> | undefined {
  const fields = new Map<string, string>()
  const end = text.length
  const schemeEnd = runEnd(TOKEN, text, 0, end)
  if (text.slice(0, schemeEnd).toLowerCase() !== 'digest') return undefined
  let at = skipBlanks(text, schemeEnd, end)
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

/** Quoted, or a run up to a comma or blank; -1 when a quote never closes or nothing is there. */
function endOfValue(text: string, at: number, end: number): number {
  if (text.charCodeAt(at) === QUOTE) return quotedEnd(text, at, end)
  let index = at
  while (index < end && text.charCodeAt(index) !== COMMA && text.charCodeAt(index) > SPACE) index++
  return index === at ? -1 : index
}
