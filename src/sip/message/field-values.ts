//! What single header field values mean. Every reader takes one value and returns undefined when it
//! is malformed.

import {
  decimal,
  isToken,
  quotedEnd,
  skipBlanks,
  runEnd,
  TOKEN,
  trimEnd,
  unquote,
} from './chars.ts'
import { Params } from './params.ts'
import { methodAt } from './start-line.ts'

export type CSeq = { readonly number: number; readonly method: string }
/** RFC 3262 §7.2. */
export type RAck = { readonly rseq: number; readonly cseq: number; readonly method: string }
/** Lower-case. */
export type MediaType = {
  readonly type: string
  readonly subtype: string
  readonly params: Params
}
/** A lower-case token with parameters: Content-Disposition, Event, … */
export type Parameterised = { readonly value: string; readonly params: Params }
/** RFC 4028 §4. */
export type SessionExpires = {
  readonly seconds: number
  readonly refresher: 'uac' | 'uas' | undefined
}
/** RFC 6665 §8.2.1; the package name's case counts. */
export type EventPackage = {
  readonly name: string
  readonly id: string | undefined
  readonly params: Params
}
/** RFC 6665 §4.1.3. */
export type SubscriptionState = {
  readonly state: string
  readonly expires: number | undefined
  readonly reason: string | undefined
  readonly retryAfter: number | undefined
}
/** RFC 3891 §6.1. */
export type Replaces = {
  readonly callId: string
  readonly toTag: string
  readonly fromTag: string
  readonly earlyOnly: boolean
}
/** RFC 3326: `SIP;cause=200;text="Call completed elsewhere"`. */
export type Reason = {
  readonly protocol: string
  readonly cause: number | undefined
  readonly text: string | undefined
}
/** RFC 3261 §20.33. */
export type RetryAfter = { readonly seconds: number; readonly duration: number | undefined }
/** RFC 3261 §20.43. */
export type Warning = { readonly code: number; readonly agent: string; readonly text: string }
/** RFC 3261 §20.38, in seconds. */
export type Timestamp = { readonly sent: number; readonly delay: number | undefined }

/** §8.1.1.5: below 2^31. */
const CSEQ_LIMIT = 2 ** 31
/** Delta-seconds and response numbers: 32 bits (§20.19). */
const DELTA_LIMIT = 2 ** 32

export function parseCSeq(text: string, at = 0, end = text.length): CSeq | undefined {
  let numberEnd = at
  while (numberEnd < end && text.charCodeAt(numberEnd) > 0x20) numberEnd++
  const number = decimal(text, at, numberEnd)
  const methodPlace = skipBlanks(text, numberEnd, end)
  if (number === undefined || number >= CSEQ_LIMIT) return undefined
  if (methodPlace === end || runEnd(TOKEN, text, methodPlace, end) !== end) return undefined
  return { number, method: methodAt(text, methodPlace, end) }
}

export function parseRAck(text: string): RAck | undefined {
  const space = text.search(/[ \t]/)
  const rseq = space === -1 ? undefined : decimal(text, 0, space)
  const cseq = parseCSeq(text, skipBlanks(text, space, text.length))
  if (rseq === undefined || cseq === undefined || rseq >= DELTA_LIMIT) return undefined
  return { rseq, cseq: cseq.number, method: cseq.method }
}

/** Delta-seconds: more than 32 bits' worth counts as that (RFC 4475 §3.1.2.4). */
export function parseSeconds(text: string): number | undefined {
  const value = decimal(text)
  return value === undefined ? undefined : Math.min(value, DELTA_LIMIT - 1)
}

/** A 32-bit number that has to be exact. */
export function parseNumber(text: string): number | undefined {
  const value = decimal(text)
  return value === undefined || value >= DELTA_LIMIT ? undefined : value
}

/** §20.22: 0 to 255. */
export function parseHops(text: string): number | undefined {
  const value = decimal(text)
  return value === undefined || value > 255 ? undefined : value
}

export function parseMediaType(text: string): MediaType | undefined {
  const typeEnd = runEnd(TOKEN, text, 0, text.length)
  const slash = skipBlanks(text, typeEnd, text.length)
  if (typeEnd === 0 || text.charAt(slash) !== '/') return undefined
  const subtypeAt = skipBlanks(text, slash + 1, text.length)
  const subtypeEnd = runEnd(TOKEN, text, subtypeAt, text.length)
  const params = Params.parse(text, subtypeEnd, text.length)
  if (subtypeEnd === subtypeAt || params === undefined) return undefined
  const subtype = text.slice(subtypeAt, subtypeEnd).toLowerCase()
  return { type: text.slice(0, typeEnd).toLowerCase(), subtype, params }
}

export function parseParameterised(text: string): Parameterised | undefined {
  const valueEnd = runEnd(TOKEN, text, 0, text.length)
  const params = Params.parse(text, valueEnd, text.length)
  if (valueEnd === 0 || params === undefined) return undefined
  return { value: text.slice(0, valueEnd), params }
}

export function parseSessionExpires(text: string): SessionExpires | undefined {
  const field = parseParameterised(text)
  const seconds = field && parseSeconds(field.value)
  if (field === undefined || seconds === undefined) return undefined
  const refresher = field.params.get('refresher')?.toLowerCase()
  if (refresher !== undefined && refresher !== 'uac' && refresher !== 'uas') return undefined
  return { seconds, refresher }
}

/** Its parameters mean nothing. */
export function parseMinSe(text: string): number | undefined {
  const field = parseParameterised(text)
  return field && parseSeconds(field.value)
}

export function parseEvent(text: string): EventPackage | undefined {
  const field = parseParameterised(text)
  return field && { name: field.value, id: field.params.get('id'), params: field.params }
}

export function parseSubscriptionState(text: string): SubscriptionState | undefined {
  const field = parseParameterised(text)
  if (field === undefined) return undefined
  const { params } = field
  return {
    state: field.value.toLowerCase(),
    expires: parseSeconds(params.get('expires') ?? ''),
    reason: params.get('reason')?.toLowerCase(),
    retryAfter: parseSeconds(params.get('retry-after') ?? ''),
  }
}

export function parseReplaces(text: string): Replaces | undefined {
  const semicolon = text.indexOf(';')
  if (semicolon === -1) return undefined
  const callIdEnd = trimEnd(text, 0, semicolon)
  const callId = text.slice(0, callIdEnd)
  const params = Params.parse(text, semicolon, text.length)
  const toTag = params?.get('to-tag')
  const fromTag = params?.get('from-tag')
  if (callId === '' || params === undefined) return undefined
  if (toTag === undefined || fromTag === undefined) return undefined
  return { callId, toTag, fromTag, earlyOnly: params.has('early-only') }
}

export function parseReason(text: string): Reason | undefined {
  const field = parseParameterised(text)
  if (field === undefined) return undefined
  const { params, value } = field
  return { protocol: value, cause: decimal(params.get('cause') ?? ''), text: params.get('text') }
}

export function parseRetryAfter(text: string): RetryAfter | undefined {
  const numberEnd = runEnd(TOKEN, text, 0, text.length)
  const seconds = parseSeconds(text.slice(0, numberEnd))
  let at = skipBlanks(text, numberEnd, text.length)
  if (text.charAt(at) === '(') at = commentEnd(text, at)
  const params = Params.parse(text, at, text.length)
  if (seconds === undefined || params === undefined) return undefined
  return { seconds, duration: parseSeconds(params.get('duration') ?? '') }
}

export function parseWarning(text: string): Warning | undefined {
  const code = decimal(text, 0, 3)
  const agentEnd = text.indexOf(' ', 4)
  if (code === undefined || text.charAt(3) !== ' ' || agentEnd === -1) return undefined
  const textAt = skipBlanks(text, agentEnd, text.length)
  if (text.charAt(textAt) !== '"' || quotedEnd(text, textAt, text.length) !== text.length)
    return undefined
  return { code, agent: text.slice(4, agentEnd), text: unquote(text.slice(textAt)) }
}

export function parseTimestamp(text: string): Timestamp | undefined {
  const [sent = '', delay, ...rest] = text.split(/[ \t]+/)
  const isNumber = (part: string): boolean => part.length < 32 && /^\d+(\.\d*)?$/.test(part)
  if (rest.length > 0 || !isNumber(sent)) return undefined
  if (delay !== undefined && !isNumber(delay)) return undefined
  return { sent: Number(sent), delay: delay === undefined ? undefined : Number(delay) }
}

/** §20.8: word or word@word; here, one run of visible characters. */
export function parseCallId(text: string, at = 0, end = text.length): string | undefined {
  for (let index = at; index < end; index++) if (text.charCodeAt(index) <= 0x20) return undefined
  return at === end ? undefined : text.slice(at, end)
}

export function parseToken(text: string): string | undefined {
  return isToken(text) ? text : undefined
}

/** Past the `)` that closes the comment at `at`; the text's end when it never does. */
function commentEnd(text: string, at: number): number {
  let depth = 0
  for (let index = at; index < text.length; index++) {
    const character = text.charAt(index)
    if (character === '\\') index++
    else if (character === '(') depth++
    else if (character === ')' && --depth === 0) return index + 1
  }
  return text.length
}
