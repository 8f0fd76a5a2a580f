//! Typed readers of header fields: lazy, memoised on the message, undefined when the field is absent
//! or malformed. Whether a mandatory field is there at all is `validate.ts`'s business.

import { isToken } from './chars.ts'
import { parseSipDate } from './date.ts'
import * as values from './field-values.ts'
import { commaAt, type Field, type Headers } from './headers.ts'
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

/** Of the first field, read in place. */
function single<T>(
  name: HeaderName,
  parse: (text: string, at: number, end: number) => T | undefined,
): View<T> {
  return view((headers) => {
    const field = headers.first(name)
    return field === undefined ? undefined : parse(field.text, field.at, field.end)
  })
}

/** Of the first field's whole value. */
function valued<T>(name: HeaderName, parse: (text: string) => T | undefined): View<T> {
  return view((headers) => {
    const value = headers.get(name)
    return value === undefined ? undefined : parse(value)
  })
}

/** Of all values of that name; one malformed value makes it undefined. */
function listed<T>(name: HeaderName, parse: (text: string) => T | undefined): View<readonly T[]> {
  return view((headers) => readAll(headers, name, parse))
}

function readAll<T>(
  headers: Headers,
  name: HeaderName,
  parse: (text: string) => T | undefined,
): readonly T[] | undefined {
  const parsed: T[] = []
  for (const text of headers.list(name)) {
    const value = parse(text)
    if (value === undefined) return undefined
    parsed.push(value)
  }
  return parsed.length === 0 ? undefined : parsed
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
export const topVia = view((headers) => {
  const field = headers.first('via')
  return field && firstVia(field)
})
export const from: View<NameAddr> = single('from', parseNameAddrAt)
export const to: View<NameAddr> = single('to', parseNameAddrAt)
export const callId: View<string> = single('call-id', values.parseCallId)
export const cseq: View<values.CSeq> = single('cseq', values.parseCSeq)
export const maxForwards: View<number> = valued('max-forwards', values.parseHops)
export const vias: View<readonly Via[]> = listed('via', parseVia)

export const fromTag = (message: SipMessage): string | undefined => from(message)?.params.get('tag')
export const toTag = (message: SipMessage): string | undefined => to(message)?.params.get('tag')

/** Kept with the headers too, for as long as they serve a request with the same Request-URI. */
export function requestUri(request: SipRequest): SipUri | undefined {
  const kept = keptRequestUri(request)
  if (kept === undefined) return parseUri(request.uri)
  if (kept.text !== request.uri) {
    kept.text = request.uri
    kept.uri = parseUri(request.uri)
  }
  return kept.uri
}
const keptRequestUri = view((): { text: string; uri: SipUri | undefined } => ({
  text: '',
  uri: undefined,
}))

/** `*` stands alone (§10.2.2); undefined when there is none, or one is malformed. */
export const contacts: View<readonly NameAddr[] | '*'> = view((headers) => {
  const texts = headers.list('contact')
  return texts.length === 1 && texts[0] === '*' ? '*' : readAll(headers, 'contact', parseNameAddr)
})
export const routes: View<readonly NameAddr[]> = listed('route', parseNameAddr)
export const recordRoutes: View<readonly NameAddr[]> = listed('record-route', parseNameAddr)
export const expires: View<number> = valued('expires', values.parseSeconds)
export const minExpires: View<number> = valued('min-expires', values.parseSeconds)
export const contentType: View<values.MediaType> = valued('content-type', values.parseMediaType)
export const contentDisposition = valued('content-disposition', values.parseParameterised)
export const accept: View<readonly values.MediaType[]> = listed('accept', values.parseMediaType)
export const date = valued('date', parseSipDate)
export const timestamp = valued('timestamp', values.parseTimestamp)
export const retryAfter = valued('retry-after', values.parseRetryAfter)
export const warnings = listed('warning', values.parseWarning)
export const replyTo = single('reply-to', parseNameAddrAt)

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
export const rack = valued('rack', values.parseRAck)
export const rseq = valued('rseq', values.parseNumber)
export const sessionExpires = valued('session-expires', values.parseSessionExpires)
export const minSe = view((headers) => {
  const value = headers.get('min-se')
  const field = value === undefined ? undefined : values.parseParameterised(value)
  return field && values.parseNumber(field.value)
})

// RFC 3515, 3892, 3891, 6665, 3903.
export const referTo = single('refer-to', parseNameAddrAt)
export const referredBy = single('referred-by', parseNameAddrAt)
export const replaces = valued('replaces', values.parseReplaces)
export const event = valued('event', values.parseEvent)
export const subscriptionState = valued('subscription-state', values.parseSubscriptionState)
export const sipEtag = valued('sip-etag', values.parseToken)
export const sipIfMatch = valued('sip-if-match', values.parseToken)

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
export const assertedIdentities = listed('p-asserted-identity', parseNameAddr)
export const preferredIdentities = listed('p-preferred-identity', parseNameAddr)
export const historyInfo = listed('history-info', parseNameAddr)
export const diversions = listed('diversion', parseNameAddr)
export const reasons = listed('reason', values.parseReason)

// RFC 3327, 3608.
export const paths = listed('path', parseNameAddr)
export const serviceRoutes = listed('service-route', parseNameAddr)

function firstVia({ text, at, end }: Field): Via | undefined {
  return parseViaAt(text, at, commaAt(text, at, end))
}
