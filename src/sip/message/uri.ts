//! SIP, SIPS and tel URIs: RFC 3261 §19.1, RFC 3966. Any other scheme is carried as opaque text.

import {
  decimal,
  isHex,
  isHostChar,
  isParamChar,
  isPasswordChar,
  isUserChar,
  lower,
  sameText,
} from './chars.ts'
import { Params } from './params.ts'

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

/** A URI from its parts; the host may be an IPv6 address with or without brackets. */
export function sipUri(
  parts: { readonly host: string } & Partial<Omit<SipUri, 'host' | 'ipv6' | 'opaque'>>,
): SipUri {
  const host = parts.host.startsWith('[') ? parts.host.slice(1, -1) : parts.host
  return {
    scheme: parts.scheme ?? 'sip',
    user: parts.user,
    password: parts.password,
    host: lower(host),
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
  const colon = schemeEnd(text, at, end)
  if (colon === -1 || colon + 1 >= end) return undefined
  const scheme = lower(text.slice(at, colon))
  if (scheme === 'sip' || scheme === 'sips') return parseSip(scheme, text, colon + 1, end)
  if (scheme === 'tel') return parseTel(text, colon + 1, end)
  for (let index = colon + 1; index < end; index++)
    if (!isVisible(text.charCodeAt(index))) return undefined
  return opaqueUri(scheme, text.slice(colon + 1, end))
}

export function formatUri(uri: SipUri): string {
  if (uri.opaque !== undefined) return `${uri.scheme}:${uri.opaque}`
  if (uri.scheme === 'tel') return `tel:${uri.user ?? ''}${uri.params}`
  let text = `${uri.scheme}:`
  if (uri.user !== undefined) {
    text += escape(uri.user, isUserChar)
    if (uri.password !== undefined) text += `:${escape(uri.password, isPasswordChar)}`
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

/** Escapes what would end a parameter's value. */
export function escapeParam(value: string): string {
  return escape(value, isParamChar)
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
    a.host === b.host &&
    a.port === b.port &&
    sameParams(a.params, b.params) &&
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
    if (!isHex(text.charCodeAt(percent + 1)) || !isHex(text.charCodeAt(percent + 2)))
      return undefined
    const code = Number.parseInt(text.slice(percent + 1, percent + 3), 16)
    plain += text.slice(from, percent) + String.fromCharCode(code)
    from = percent + 3
    percent = text.indexOf('%', from)
  }
  return plain + text.slice(from)
}

/** Writes every byte that `allowed` does not name as `%xx`. */
export function escape(text: string, allowed: (code: number) => boolean): string {
  let index = 0
  while (index < text.length && allowed(text.charCodeAt(index))) index++
  if (index === text.length) return text
  let escaped = text.slice(0, index)
  for (; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (allowed(code)) escaped += text.charAt(index)
    else escaped += `%${(code & 0xff).toString(16).toUpperCase().padStart(2, '0')}`
  }
  return escaped
}

function schemeEnd(text: string, at: number, end: number): number {
  for (let index = at; index < end; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x3a) return index === at ? -1 : index
    const letter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a && code < 0x80
    if (!letter && (index === at || !isSchemeTail(code))) return -1
  }
  return -1
}

/** Digits, `+`, `-` and `.`. */
function isSchemeTail(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2b || code === 0x2d || code === 0x2e
}

function parseSip(scheme: string, text: string, at: number, end: number): SipUri | undefined {
  let user: string | undefined
  let password: string | undefined
  let hostAt = at
  const sign = indexWithin(text, '@', at, end)
  if (sign !== -1) {
    const colon = indexWithin(text, ':', at, sign)
    const userEnd = colon === -1 ? sign : colon
    if (userEnd === at || !isAllVisible(text, at, sign)) return undefined
    user = unescape(text.slice(at, userEnd))
    if (user === undefined) return undefined
    if (colon !== -1) {
      password = unescape(text.slice(colon + 1, sign))
      if (password === undefined) return undefined
    }
    hostAt = sign + 1
  }
  const host = hostEnd(text, hostAt, end)
  if (host === -1) return undefined
  let index = host
  let port: number | undefined
  if (text.charCodeAt(index) === 0x3a && index < end) {
    const portAt = index + 1
    for (index = portAt; index < end && isDigitAt(text, index);) index++
    port = decimal(text, portAt, index)
    if (port === undefined || port > 65_535) return undefined
  }
  let paramsEnd = indexWithin(text, '?', index, end)
  if (paramsEnd === -1) paramsEnd = end
  if (!isAllVisible(text, index, end)) return undefined
  const params = index === paramsEnd ? Params.NONE : Params.parse(text, index, paramsEnd)
  if (params === undefined) return undefined
  const ipv6 = text.charCodeAt(hostAt) === 0x5b
  return {
    scheme,
    user,
    password,
    host: lower(ipv6 ? text.slice(hostAt + 1, host - 1) : text.slice(hostAt, host)),
    ipv6,
    port,
    params,
    headers: paramsEnd === end ? undefined : text.slice(paramsEnd + 1, end),
    opaque: undefined,
  }
}

/** Where the host that begins at `at` ends; -1 when there is none. */
export function hostEnd(text: string, at: number, end: number): number {
  let index = at
  if (text.charCodeAt(at) === 0x5b && at < end) {
    for (index = at + 1; index < end; index++) {
      const code = text.charCodeAt(index)
      if (code === 0x5d) return index - at > 2 ? index + 1 : -1
      if (!isHex(code) && code !== 0x3a && code !== 0x2e) return -1
    }
    return -1
  }
  while (index < end && isHostChar(text.charCodeAt(index))) index++
  return index === at ? -1 : index
}

function parseTel(text: string, at: number, end: number): SipUri | undefined {
  let index = at
  while (index < end && isPhoneChar(text.charCodeAt(index))) index++
  if (index === at || !isAllVisible(text, index, end)) return undefined
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
  return isHex(code) || '+*#-.()'.includes(String.fromCharCode(code))
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

function indexWithin(text: string, character: string, at: number, end: number): number {
  const code = character.charCodeAt(0)
  for (let index = at; index < end; index++) if (text.charCodeAt(index) === code) return index
  return -1
}

function isDigitAt(text: string, index: number): boolean {
  const code = text.charCodeAt(index)
  return code >= 0x30 && code <= 0x39
}

/** No blank, no control, none of `<`, `>`, `"`. */
function isVisible(code: number): boolean {
  return code > 0x20 && code !== 0x7f && code !== 0x22 && code !== 0x3c && code !== 0x3e
}

function isAllVisible(text: string, at: number, end: number): boolean {
  for (let index = at; index < end; index++) if (!isVisible(text.charCodeAt(index))) return false
  return true
}

/** Parameters that count even when only one of the two has them. */
const TELLING = ['user', 'ttl', 'method', 'maddr', 'transport']

function sameParams(a: Params, b: Params): boolean {
  for (const name of TELLING) if (a.has(name) !== b.has(name)) return false
  for (const [name, value] of a)
    if (b.has(name) && !sameText(value ?? '', b.raw(name) ?? '')) return false
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
  if (digits(a.user) !== digits(b.user) || a.params.size !== b.params.size) return false
  for (const [name, value] of a.params)
    if (!b.params.has(name) || !sameText(value ?? '', b.params.raw(name) ?? '')) return false
  return true
}

const digits = (number: string | undefined): string =>
  (number ?? '').replaceAll(/[-.()]/g, '').toLowerCase()
