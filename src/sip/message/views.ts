//! Typed readers of header fields: lazy, kept with the message, undefined when the field is absent
//! or malformed. Whether a mandatory field is there at all is `validate.ts`'s business.

import { commaAt, isToken } from './chars.ts'
import { parseSipDate } from './date.ts'
import * as values from './field-values.ts'
import type { Headers } from './headers.ts'
import type { HeaderName, SipMessage, SipRequest } from './message.ts'
import { parseNameAddr, parseNameAddrAt, type NameAddr } from './name-addr.ts'
import { parseUri, type SipUri } from './uri.ts'
import { parseVia, parseViaAt, type Via } from './via.ts'

type View<T> = (message: { readonly headers: Headers }) => T | undefined

let slots = 0

/** A reader whose outcome is kept with the headers until they change. */
function view<T>(read: (headers: Headers) => T | undefined): View<T> {
  const slot = slots++
  return ({ headers }) => {
    const { memo } = headers
    const seen = memo[slot]
    // Sound: this view alone writes its slot. `null` is "looked, found nothing".
    if (seen !== undefined) return seen === null ? undefined : (seen as T)
    const value = read(headers)
    memo[slot] = value ?? null
    return value
  }
}

/** Of the first field, read where it stands. */
function inPlace<T>(
  name: HeaderName,
  parse: (text: string, at: number, end: number) => T | undefined,
): View<T> {
  return view((headers) => {
    const field = headers.first(name)
    return field === undefined ? undefined : parse(field.text, field.at, field.end)
  })
}

/** Of the first field's value. */
function ofValue<T>(name: HeaderName, parse: (text: string) => T | undefined): View<T> {
  return view((headers) => {
    const value = headers.get(name)
    return value === undefined ? undefined : parse(value)
  })
}

/** Of all values of that name; one malformed value makes it undefined. */
function ofEach<T>(name: HeaderName, parse: (text: string) => T | undefined): View<readonly T[]> {
  return view((headers) => readAll(headers.list(name), parse))
}

/** The same, of addresses: nearly always there is but one, which is read where it stands. */
function ofAddresses(name: HeaderName): View<readonly NameAddr[]> {
  return view((headers) => addresses(headers, name))
}

function addresses(headers: Headers, name: HeaderName): readonly NameAddr[] | undefined {
  const field = headers.first(name)
  if (field === undefined) return undefined
  if (!headers.isSingle(name)) return readAll(headers.list(name), parseNameAddr)
  const address = parseNameAddrAt(field.text, field.at, field.end)
  return address && [address]
}

function readAll<T>(
  texts: readonly string[],
  parse: (text: string) => T | undefined,
): readonly T[] | undefined {
  const all: T[] = []
  for (const text of texts) {
    const value = parse(text)
    if (value === undefined) return undefined
    all.push(value)
  }
  return all.length === 0 ? undefined : all
}

/** Option tags and the like: what is absent is an empty list. */
function tokens(
  name: HeaderName,
  fold: (text: string) => string,
): (message: { readonly headers: Headers }) => readonly string[] {
  const read = view((headers) => headers.list(name).filter(isToken).map(fold))
  return (message) => read(message) ?? []
}

const asIs = (text: string): string => text
const lowered = (text: string): string => text.toLowerCase()

// RFC 3261 §8.1.1, the ones every message has.
export const topVia = inPlace('via', (text, at, end) =>
  parseViaAt(text, at, commaAt(text, at, end)),
)
export const from: View<NameAddr> = inPlace('from', parseNameAddrAt)
export const to: View<NameAddr> = inPlace('to', parseNameAddrAt)
export const callId: View<string> = inPlace('call-id', values.parseCallId)
export const cseq: View<values.CSeq> = inPlace('cseq', values.parseCSeq)
export const maxForwards: View<number> = ofValue('max-forwards', values.parseHops)
export const vias: View<readonly Via[]> = view((headers) => {
  const top = topVia({ headers })
  // Nearly always there is but one, which has been read already.
  if (headers.isSingle('via')) return top && [top]
  const below = headers.list('via').slice(1)
  if (top === undefined || below.length === 0) return top && [top]
  const others = readAll(below, parseVia)
  return others && [top, ...others]
})
/** Somebody stands between its sender and us. */
export function isProxied(request: SipMessage): boolean {
  return (vias(request)?.length ?? 1) > 1
}

/** Kept with the headers, which another request may share: so it says what it was read from. */
export function requestUri(request: SipRequest): SipUri | undefined {
  const { memo } = request.headers
  // Sound: this view alone writes its slot.
  const seen = memo[REQUEST_URI] as { text: string; uri: SipUri | undefined } | undefined
  if (seen?.text === request.uri) return seen.uri
  const uri = parseUri(request.uri)
  memo[REQUEST_URI] = { text: request.uri, uri }
  return uri
}
const REQUEST_URI = slots++
export const fromTag = (message: SipMessage): string | undefined => from(message)?.params.get('tag')
export const toTag = (message: SipMessage): string | undefined => to(message)?.params.get('tag')

/** `*` stands alone (§10.2.2); undefined when there is none, or one is malformed. */
export const contacts: View<readonly NameAddr[] | '*'> = view((headers) => {
  const first = headers.first('contact')
  const isStar = first !== undefined && first.end - first.at === 1 && first.value === '*'
  return isStar && headers.isSingle('contact') ? '*' : addresses(headers, 'contact')
})
/** The first, where one device speaks for itself; undefined for `*`, too. */
export function firstContact(message: SipMessage): NameAddr | undefined {
  const list = contacts(message)
  return list === undefined || list === '*' ? undefined : list[0]
}
export const routes: View<readonly NameAddr[]> = ofAddresses('route')
export const recordRoutes: View<readonly NameAddr[]> = ofAddresses('record-route')
export const expires: View<number> = ofValue('expires', values.parseSeconds)
export const minExpires: View<number> = ofValue('min-expires', values.parseSeconds)
export const contentType: View<values.MediaType> = ofValue('content-type', values.parseMediaType)
export const contentDisposition = ofValue('content-disposition', values.parseParameterised)
export const accept: View<readonly values.MediaType[]> = ofEach('accept', values.parseMediaType)
export const date = ofValue('date', parseSipDate)
export const timestamp = ofValue('timestamp', values.parseTimestamp)
export const retryAfter = ofValue('retry-after', values.parseRetryAfter)
export const warnings = ofEach('warning', values.parseWarning)
export const replyTo = inPlace('reply-to', parseNameAddrAt)

/** Lower-case; empty when absent. */
export const supported = tokens('supported', lowered)
export const required = tokens('require', lowered)
export const proxyRequired = tokens('proxy-require', lowered)
export const unsupported = tokens('unsupported', lowered)
/** Methods as they are written. */
export const allow = tokens('allow', asIs)
/** Event packages as they are written. */
export const allowEvents = tokens('allow-events', asIs)

// RFC 3262, 4028.
export const rack = ofValue('rack', values.parseRAck)
export const rseq = ofValue('rseq', values.parseNumber)
export const sessionExpires = ofValue('session-expires', values.parseSessionExpires)
export const minSe = ofValue('min-se', values.parseMinSe)

// RFC 3515, 3892, 3891, 6665, 3903.
export const referTo = inPlace('refer-to', parseNameAddrAt)
export const referredBy = inPlace('referred-by', parseNameAddrAt)
export const replaces = ofValue('replaces', values.parseReplaces)
export const event = ofValue('event', values.parseEvent)
export const subscriptionState = ofValue('subscription-state', values.parseSubscriptionState)
export const sipEtag = ofValue('sip-etag', values.parseToken)
export const sipIfMatch = ofValue('sip-if-match', values.parseToken)

// RFC 3323, 3325, 7044, 5806, 3326.
/** Lower-case priv-values; empty when absent. */
export const privacy = (message: SipMessage): readonly string[] => privacyValues(message) ?? []
const privacyValues = view((headers) =>
  headers.all('privacy').flatMap((text) =>
    text
      .toLowerCase()
      .split(/[;,]/)
      .map((each) => each.trim()),
  ),
)
export const assertedIdentities = ofAddresses('p-asserted-identity')
export const preferredIdentities = ofAddresses('p-preferred-identity')
export const historyInfo = ofAddresses('history-info')
export const diversions = ofAddresses('diversion')
export const reasons = ofEach('reason', values.parseReason)

// RFC 3327, 3608.
export const paths = ofAddresses('path')
export const serviceRoutes = ofAddresses('service-route')
