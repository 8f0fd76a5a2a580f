//! Bytes to message: the datagram is decoded once, its header lines are indexed in one scan, and
//! nothing is read further until somebody asks. Total: any bytes give a message or an error.
//!
//! Tolerant of what harms nobody: bare LF, empty lines in front, blanks round the colon. Strict
//! about what could be read in two ways.

import { err, ok, type Result } from '../../base/result.ts'
import { isBlank, isDigit, isToken, trimEnd } from './chars.ts'
import { headerNameAt } from './header-name.ts'
import { Field, Headers } from './headers.ts'
import * as limits from './limits.ts'
import { NO_BODY, request, response, type SipMessage } from './message.ts'
import { textOf } from './text.ts'

export type ParseError = {
  /** Where in the bytes. */
  readonly offset: number
  /** What was broken, in words. */
  readonly rule: string
  /** The status to answer a request with; undefined: drop it. */
  readonly status: number | undefined
  /** As much of the message as could be read, enough to build that answer from. */
  readonly partial: SipMessage | undefined
}

/** `bytes` is exactly one datagram, frame, or framed message. The body is a view on them. */
export function parseMessage(bytes: Uint8Array): Result<SipMessage, ParseError> {
  if (bytes.length > limits.MAX_HEAD + limits.MAX_BODY)
    return fail(0, 'message too large', undefined, undefined)
  const text = textOf(bytes)
  let at = 0
  while (at < text.length && (text.charCodeAt(at) === CR || text.charCodeAt(at) === LF)) at++
  const lineEnd = text.indexOf('\n', at)
  if (lineEnd === -1) return fail(at, 'no start line', undefined, undefined)
  const start = readStartLine(text, at, beforeCr(text, at, lineEnd))
  const index = indexHeaders(text, lineEnd + 1)
  const headers = new Headers(index.fields)
  const fault = start.fault ?? index.fault
  const length = bodyLength(headers, bytes.length - index.bodyAt)
  const body =
    typeof length === 'number' && length > 0
      ? bytes.subarray(index.bodyAt, index.bodyAt + length)
      : NO_BODY
  const message = start.build?.(headers, body)
  if (message === undefined)
    return fail(at, start.fault?.rule ?? 'no start line', undefined, undefined)
  if (fault !== undefined) return refuse(message, fault)
  if (typeof length !== 'number') return refuse(message, length)
  return ok(message)
}

const CR = 0x0d
const LF = 0x0a
const VERSION = 'SIP/2.0'

type Fault = { readonly offset: number; readonly rule: string; readonly status: number }
type StartLine = {
  readonly build?: (headers: Headers, body: Uint8Array) => SipMessage
  readonly fault?: Fault
}

/** What is broken in a request is answered; in a response there is nobody to tell. */
function refuse(message: SipMessage, fault: Fault): Result<SipMessage, ParseError> {
  const status = message.kind === 'request' && message.method !== 'ACK' ? fault.status : undefined
  return fail(fault.offset, fault.rule, status, message)
}

function fail(
  offset: number,
  rule: string,
  status: number | undefined,
  partial: SipMessage | undefined,
): Result<SipMessage, ParseError> {
  return err({ offset, rule, status, partial })
}

function beforeCr(text: string, at: number, lineEnd: number): number {
  return lineEnd > at && text.charCodeAt(lineEnd - 1) === CR ? lineEnd - 1 : lineEnd
}

function readStartLine(text: string, at: number, end: number): StartLine {
  if (text.startsWith('SIP/', at)) return readStatusLine(text, at, end)
  const methodEnd = text.indexOf(' ', at)
  if (methodEnd === -1 || methodEnd >= end || !isToken(text.slice(at, methodEnd))) return {}
  const versionAt = text.lastIndexOf(' ', trimEnd(text, at, end) - 1) + 1
  const version = text.slice(versionAt, end).trimEnd()
  if (versionAt <= methodEnd + 1 || !version.toUpperCase().startsWith('SIP/')) return {}
  const method = text.slice(at, methodEnd)
  const uri = text.slice(methodEnd + 1, versionAt - 1)
  const build = (headers: Headers, body: Uint8Array): SipMessage =>
    request(method, uri.trim(), headers, body)
  const fault = (rule: string, status: number, offset: number): StartLine => ({
    build,
    fault: { offset, rule, status },
  })
  if (end - at > limits.MAX_START_LINE) return fault('start line too long', 414, at)
  if (version.toUpperCase() !== VERSION) return fault('unknown version', 505, versionAt)
  if (versionAt + VERSION.length !== end) return fault('blank after the version', 400, end)
  for (let index = 0; index < uri.length; index++) {
    const code = uri.charCodeAt(index)
    if (code <= 0x20 || code === 0x3c || code === 0x3e || code === 0x22 || code === 0x7f)
      return fault('bad character in the Request-URI', 400, methodEnd + 1 + index)
  }
  return { build }
}

function readStatusLine(text: string, at: number, end: number): StartLine {
  const codeAt = at + VERSION.length + 1
  if (!text.startsWith('SIP/2.0 ', at) || codeAt + 3 > end) return {}
  for (let index = codeAt; index < codeAt + 3; index++)
    if (!isDigit(text.charCodeAt(index))) return {}
  const status = Number(text.slice(codeAt, codeAt + 3))
  if (status < 100 || status > 699) return {}
  if (codeAt + 3 < end && text.charCodeAt(codeAt + 3) !== 0x20) return {}
  const reason = text.slice(codeAt + 4, Math.max(end, codeAt + 4))
  return { build: (headers, body) => response(status, reason, headers, body) }
}

type Index = { readonly fields: Field[]; readonly bodyAt: number; readonly fault?: Fault }

function indexHeaders(text: string, from: number): Index {
  const fields: Field[] = []
  let fault: Fault | undefined
  let at = from
  for (;;) {
    let lineEnd = text.indexOf('\n', at)
    if (lineEnd === -1) {
      fault ??= { offset: text.length, rule: 'no empty line after the headers', status: 400 }
      return { fields, bodyAt: text.length, fault }
    }
    let end = beforeCr(text, at, lineEnd)
    if (end === at) return found(fields, lineEnd + 1, fault)
    let folded = false
    while (isFold(text, lineEnd + 1)) {
      folded = true
      lineEnd = text.indexOf('\n', lineEnd + 1)
      if (lineEnd === -1) lineEnd = text.length
      end = beforeCr(text, at, lineEnd)
    }
    fault ??= readField(text, at, end, folded, fields)
    if (fields.length > limits.MAX_HEADERS)
      fault ??= { offset: at, rule: 'too many header fields', status: 400 }
    if (fields.length > limits.MAX_HEADERS || lineEnd - from > limits.MAX_HEAD) {
      fault ??= { offset: at, rule: 'header too large', status: 513 }
      return { fields, bodyAt: text.length, fault }
    }
    at = lineEnd + 1
  }
}

function found(fields: Field[], bodyAt: number, fault: Fault | undefined): Index {
  return fault === undefined ? { fields, bodyAt } : { fields, bodyAt, fault }
}

function isFold(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code === 0x20 || code === 0x09
}

function readField(
  text: string,
  at: number,
  end: number,
  folded: boolean,
  fields: Field[],
): Fault | undefined {
  if (end - at > limits.MAX_HEADER) return { offset: at, rule: 'header line too long', status: 513 }
  const colon = text.indexOf(':', at)
  if (colon === -1 || colon >= end) return { offset: at, rule: 'header without colon', status: 400 }
  const name = headerNameAt(text, at, trimEnd(text, at, colon))
  if (name === undefined) return { offset: at, rule: 'bad header name', status: 400 }
  let valueAt = colon + 1
  while (valueAt < end && isBlank(text.charCodeAt(valueAt))) valueAt++
  const valueEnd = trimEnd(text, valueAt, end)
  const raw = text.slice(valueAt, valueEnd)
  if (folded || raw.includes('\r')) {
    const value = raw.replaceAll(/[ \t]*[\r\n]+[ \t]*/g, ' ')
    fields.push(new Field(name, value, 0, value.length))
  } else fields.push(new Field(name, text, valueAt, valueEnd))
  return undefined
}

/** The number of body bytes, or what is wrong with Content-Length. Absent, it is all there is. */
function bodyLength(headers: Headers, available: number): number | Fault {
  const values = headers.all('content-length')
  const [value] = values
  if (value === undefined) return available
  const fault = (rule: string): Fault => ({ offset: 0, rule, status: 400 })
  if (values.some((each) => each !== value)) return fault('Content-Length fields differ')
  const length = /^\d{1,9}$/.test(value) ? Number(value) : undefined
  if (length === undefined) return fault('bad Content-Length')
  if (length > available) return fault('body shorter than Content-Length')
  return length
}
