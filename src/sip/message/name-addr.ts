//! `"Display name" <uri>;params`, as in From, To, Contact, Route, Refer-To: RFC 3261 §25.1.

import {
  indexWithin,
  isIn,
  quote,
  quotedEnd,
  isToken,
  TOKEN,
  skipBlanks,
  trimEnd,
  unescapeQuoted,
} from './chars.ts'
import { Params } from './params.ts'
import { formatUri, parseUriAt, type SipUri } from './uri.ts'

const QUOTE = 0x22
const LESS = 0x3c

export type NameAddr = {
  /** Without quotes and escapes; undefined when absent or empty. */
  readonly displayName: string | undefined
  readonly uri: SipUri
  /** The URI as it came. */
  readonly uriText: string
  /** Of the header field, not of the URI. */
  readonly params: Params
}

export function nameAddr(uri: SipUri, displayName?: string, params = Params.NONE): NameAddr {
  return { displayName, uri, uriText: formatUri(uri), params }
}

export function parseNameAddr(text: string): NameAddr | undefined {
  return parseNameAddrAt(text, 0, text.length)
}

/** Always with angle brackets, so that parameters cannot be mistaken for the URI's. */
export function formatNameAddr(address: NameAddr): string {
  const { displayName, uriText, params } = address
  if (displayName === undefined || displayName === '') return `<${uriText}>${params.toString()}`
  const name = isToken(displayName) ? displayName : quote(displayName)
  return `${name} <${uriText}>${params.toString()}`
}

/** Reads the one value that fills `text` from `at` to `end`. */
export function parseNameAddrAt(text: string, at: number, end: number): NameAddr | undefined {
  const start = skipBlanks(text, at, end)
  const stop = trimEnd(text, start, end)
  let open = start
  let displayName: string | undefined
  if (text.charCodeAt(start) === QUOTE) {
    const close = quotedEnd(text, start, stop)
    if (close === -1) return undefined
    displayName = unescapeQuoted(text.slice(start + 1, close - 1))
    open = skipBlanks(text, close, stop)
    if (text.charCodeAt(open) !== LESS) return undefined
  } else if (text.charCodeAt(start) !== LESS) {
    open = indexWithin(text, '<', start, stop)
    if (open === -1) return bareAddress(text, start, stop)
    const nameEnd = trimEnd(text, start, open)
    if (!isTokens(text, start, nameEnd)) return undefined
    displayName = text.slice(start, nameEnd)
  }
  const close = indexWithin(text, '>', open, stop)
  if (close === -1) return undefined
  const uri = parseUriAt(text, open + 1, close)
  const params = close + 1 === stop ? Params.NONE : Params.parse(text, close + 1, stop)
  if (uri === undefined || params === undefined) return undefined
  const name = displayName === '' ? undefined : displayName
  return { displayName: name, uri, uriText: text.slice(open + 1, close), params }
}

/** Without brackets the parameters are the header's, and the URI may hold no `?` (§20.10). */
function bareAddress(text: string, at: number, end: number): NameAddr | undefined {
  const semicolon = indexWithin(text, ';', at, end)
  const paramsAt = semicolon === -1 ? end : semicolon
  const uriEnd = trimEnd(text, at, paramsAt)
  const uriText = text.slice(at, uriEnd)
  if (uriText.includes('?')) return undefined
  const uri = parseUriAt(text, at, uriEnd)
  const params = Params.parse(text, paramsAt, end)
  return uri && params && { displayName: undefined, uri, uriText, params }
}

/** Display names without quotes are tokens; bytes of UTF-8 are let through. */
function isTokens(text: string, at: number, end: number): boolean {
  for (let index = at; index < end; index++) {
    const code = text.charCodeAt(index)
    if (!isIn(TOKEN, code) && code !== 0x20 && code !== 0x09 && code < 0x80) return false
  }
  return true
}
