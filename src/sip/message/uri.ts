//! SIP, SIPS and tel URIs: RFC 3261 §19.1, RFC 3966. Any other scheme is carried as opaque text.

import {
  decimal,
  DIGIT,
  HEX,
  HOST,
  indexWithin,
  isIn,
  LETTER,
  PARAM,
  PASSWORD,
  runEnd,
  sameText,
  TOKEN,
  USER,
  VISIBLE,
} from './chars.ts'
import { parseIpv6, sameHost } from './ip.ts'
import { Params, sameParams } from './params.ts'

export type SipUri = {
  /** Lower-case: `sip`, `sips`, `tel`, or one we only carry. */
  readonly scheme: string
  /** Unescaped bytes. The number of a `tel` URI. */
  readonly user: string | undefined
  readonly password: string | undefined
  /** Lower-case; an IPv6 address without its brackets; empty for schemes that have none. */
  readonly host: string
  readonly ipv6: boolean
  readonly port: number | undefined
  readonly params: Params
  /** What follows `?`, still escaped. */
  readonly headers: string | undefined
  /** All that follows the colon, for schemes other than the three. */
  readonly opaque: string | undefined
}

const COLON = 0x3a
const BRACKET = 0x5b
const MAX_PORT = 65_535

/** A URI from its parts; the host may be an IPv6 address with or without brackets. */
export function sipUri(
  parts: { readonly host: string } & Partial<Omit<SipUri, 'host' | 'ipv6' | 'opaque'>>,
): SipUri {
  const host = parts.host.startsWith('[') ? parts.host.slice(1, -1) : parts.host
  return {
    scheme: parts.scheme ?? 'sip',
    user: parts.user,
    password: parts.password,
    host: host.toLowerCase(),
    ipv6: host.includes(':'),
    port: parts.port,
    params: parts.params ?? Params.NONE,
    headers: parts.headers,
    opaque: undefined,
  }
}

export function parseUri(text: string): SipUri | undefined {
  return parseUriAt(text, 0, text.length)
}

/** Reads the URI that fills `text` from `at` to `end`. */
export function parseUriAt(text: string, at: number, end: number): SipUri | undefined {
  if (text.startsWith('sip:', at)) return parseSip('sip', text, at + 4, end)
  const colon = schemeEnd(text, at, end)
  if (colon === -1 || colon + 1 >= end) return undefined
  const scheme = text.slice(at, colon).toLowerCase()
  if (scheme === 'sip' || scheme === 'sips') return parseSip(scheme, text, colon + 1, end)
  if (scheme === 'tel') return parseTel(text, colon + 1, end)
  if (runEnd(VISIBLE, text, colon + 1, end) !== end) return undefined
  return opaqueUri(scheme, text.slice(colon + 1, end))
}

export function formatUri(uri: SipUri): string {
  if (uri.opaque !== undefined) return `${uri.scheme}:${uri.opaque}`
  if (uri.scheme === 'tel') return `tel:${uri.user ?? ''}${uri.params.toString()}`
  let text = `${uri.scheme}:`
  if (uri.user !== undefined) {
    text += escape(uri.user, USER)
    if (uri.password !== undefined) text += `:${escape(uri.password, PASSWORD)}`
    text += '@'
  }
  text += formatHostPort(uri.host, uri.port)
  text += uri.params.toString()
  return uri.headers === undefined ? text : `${text}?${uri.headers}`
}

/** `host`, `host:port`, with brackets round an IPv6 address. */
export function formatHostPort(host: string, port: number | undefined): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === undefined ? name : `${name}:${port}`
}

/**
 * RFC 3261 §19.1.4. Deviation: `%3B` and `;` in a user part compare equal, as the user part is kept
 * unescaped.
 */
export function sameUri(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.opaque !== b.opaque) return false
  if (a.scheme === 'tel') return sameNumber(a, b)
  return (
    a.user === b.user &&
    a.password === b.password &&
    sameHost(a.host, b.host) &&
    a.port === b.port &&
    sameEnough(a.params, b.params) &&
    sameHeaders(a.headers, b.headers)
  )
}

/** Reverses `%xx`; undefined when a `%` is not followed by two hex digits. */
export function unescape(text: string): string | undefined {
  let percent = text.indexOf('%')
  if (percent === -1) return text
  let plain = ''
  let from = 0
  while (percent !== -1) {
    if (runEnd(HEX, text, percent + 1, percent + 3) !== percent + 3) return undefined
    const code = Number.parseInt(text.slice(percent + 1, percent + 3), 16)
    plain += text.slice(from, percent) + String.fromCharCode(code)
    from = percent + 3
    percent = text.indexOf('%', from)
  }
  return plain + text.slice(from)
}

/** Writes every byte that is not in the set as `%xx`. */
export function escape(text: string, allowed: number): string {
  let at = runEnd(allowed, text, 0, text.length)
  if (at === text.length) return text
  let escaped = text.slice(0, at)
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isIn(allowed, code)) escaped += text.charAt(at)
    else escaped += `%${(code & 0xff).toString(16).toUpperCase().padStart(2, '0')}`
  }
  return escaped
}

/** Where the colon after the scheme is; -1 when there is none. */
function schemeEnd(text: string, at: number, end: number): number {
  if (!isIn(LETTER, text.charCodeAt(at))) return -1
  const colon = runEnd(TOKEN, text, at, end)
  return colon < end && text.charCodeAt(colon) === COLON ? colon : -1
}

/** What stands where after the scheme; undefined when a character is in the way. */
function parseSip(scheme: string, text: string, at: number, end: number): SipUri | undefined {
  let sign = -1
  let colon = -1
  let question = end
  let isEscaped = false
  for (let index = at; index < end; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x40) {
      if (sign !== -1) return undefined
      sign = index
      question = end
    } else if (code === COLON) {
      if (colon === -1) colon = index
    } else if (code === 0x3f) {
      if (question === end) question = index
    } else if (code === 0x25) isEscaped = true
    else if (!isIn(VISIBLE, code)) return undefined
  }
  const hostAt = sign + 1 || at
  const hostStop = hostEnd(text, hostAt, question)
  if (hostStop === -1) return undefined
  let paramsAt = hostStop
  let port: number | undefined
  if (hostStop < question && text.charCodeAt(hostStop) === COLON) {
    paramsAt = runEnd(DIGIT, text, hostStop + 1, question)
    port = decimal(text, hostStop + 1, paramsAt)
    if (port === undefined || port > MAX_PORT) return undefined
  }
  let params = paramsAt === question ? Params.NONE : Params.parse(text, paramsAt, question)
  if (params === undefined) return undefined
  if (isEscaped) params = unescapedParams(params)
  let user: string | undefined
  let password: string | undefined
  if (sign !== -1) {
    const userEnd = colon === -1 || colon > sign ? sign : colon
    if (userEnd === at) return undefined
    user = unescaped(text.slice(at, userEnd), isEscaped)
    if (user === undefined) return undefined
    if (userEnd < sign) {
      password = unescaped(text.slice(userEnd + 1, sign), isEscaped)
      if (password === undefined) return undefined
    }
  }
  const host = hostName(text, hostAt, hostStop)
  if (host === undefined) return undefined
  const headers = question === end ? undefined : text.slice(question + 1, end)
  return {
    scheme,
    user,
    password,
    host,
    ipv6: text.charCodeAt(hostAt) === BRACKET,
    port,
    params,
    headers,
    opaque: undefined,
  }
}

function unescaped(text: string, isEscaped: boolean): string | undefined {
  return isEscaped ? unescape(text) : text
}

/** Escapes that need not be are undone: `%6C%72` is `lr` (RFC 4475 §3.1.1.3). */
function unescapedParams(params: Params): Params {
  return params.map((text) =>
    text.replaceAll(/%[\da-f]{2}/gi, (escaped) => {
      const code = Number.parseInt(escaped.slice(1), 16)
      return isIn(PARAM, code) ? String.fromCharCode(code) : escaped
    }),
  )
}

/** Where the host that begins at `at` ends, brackets included; -1 when there is none. */
export function hostEnd(text: string, at: number, end: number): number {
  if (at < end && text.charCodeAt(at) === BRACKET) return indexWithin(text, ']', at, end) + 1 || -1
  const stop = runEnd(HOST, text, at, end)
  return stop === at ? -1 : stop
}

/** What `hostEnd` found, in lower case and without brackets; undefined when no IPv6 is in them. */
export function hostName(text: string, at: number, stop: number): string | undefined {
  if (text.charCodeAt(at) === BRACKET) return parseIpv6(text.slice(at + 1, stop - 1))
  return text.slice(at, stop).toLowerCase()
}

function parseTel(text: string, at: number, end: number): SipUri | undefined {
  let index = at
  while (index < end && isPhoneChar(text.charCodeAt(index))) index++
  if (index === at || runEnd(VISIBLE, text, index, end) !== end) return undefined
  const params = Params.parse(text, index, end)
  if (params === undefined) return undefined
  return {
    scheme: 'tel',
    user: text.slice(at, index),
    password: undefined,
    host: '',
    ipv6: false,
    port: undefined,
    params,
    headers: undefined,
    opaque: undefined,
  }
}

/** RFC 3966 §3: digits, `+`, `*`, `#`, hex letters of local numbers, visual separators. */
function isPhoneChar(code: number): boolean {
  return isIn(HEX, code) || '+*#-.()'.includes(String.fromCharCode(code))
}

function opaqueUri(scheme: string, opaque: string): SipUri {
  return {
    scheme,
    user: undefined,
    password: undefined,
    host: '',
    ipv6: false,
    port: undefined,
    params: Params.NONE,
    headers: undefined,
    opaque,
  }
}

/** Parameters that count even when only one of the two has them. */
const TELLING = ['user', 'ttl', 'method', 'maddr', 'transport'] as const

function sameEnough(a: Params, b: Params): boolean {
  for (const name of TELLING) if (a.has(name) !== b.has(name)) return false
  for (const [name] of a)
    if (b.has(name) && !sameText(a.raw(name) ?? '', b.raw(name) ?? '')) return false
  return true
}

function sameHeaders(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  const fields = (text: string): string[] => text.split('&').map(headerKey).sort()
  const [mine, theirs] = [fields(a), fields(b)]
  return mine.length === theirs.length && mine.every((field, index) => field === theirs[index])
}

function headerKey(field: string): string {
  const equals = field.indexOf('=')
  if (equals === -1) return field.toLowerCase()
  const value = field.slice(equals + 1)
  return `${field.slice(0, equals).toLowerCase()}=${unescape(value) ?? value}`
}

/** RFC 3966 §4: visual separators do not count, parameters do, in any order. */
function sameNumber(a: SipUri, b: SipUri): boolean {
  return digits(a.user) === digits(b.user) && sameParams(a.params, b.params)
}

const digits = (number: string | undefined): string =>
  (number ?? '').replaceAll(/[-.()]/g, '').toLowerCase()
