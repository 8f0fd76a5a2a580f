//! The first line: RFC 3261 §7.1, §7.2.

import { decimal, runEnd, TOKEN, trimEnd, VISIBLE } from './chars.ts'
import { MAX_START_LINE } from './limits.ts'
import { NameTable } from './name-table.ts'

export type Fault = { readonly offset: number; readonly rule: string; readonly status: number }

export type RequestLine = {
  readonly kind: 'request'
  readonly method: string
  readonly uri: string
  /** What is broken in a line that is still good enough to answer. */
  readonly fault: Fault | undefined
}
export type StatusLine = {
  readonly kind: 'response'
  readonly status: number
  readonly reason: string
  readonly fault: undefined
}

const VERSION = 'SIP/2.0'
const SPACE = 0x20

const METHODS = new NameTable(
  (
    'INVITE ACK BYE CANCEL REGISTER OPTIONS ' +
    'PRACK UPDATE INFO REFER SUBSCRIBE NOTIFY PUBLISH MESSAGE'
  )
    .split(' ')
    .map((method) => [method.toLowerCase(), method]),
)

/** The method from `at` to `end`: known ones as one and the same string, others sliced. */
export function methodAt(text: string, at: number, end: number): string {
  const known = METHODS.find(text, at, end)
  // The table ignores case, methods do not.
  return known !== undefined && text.startsWith(known, at) ? known : text.slice(at, end)
}

/** Whether some RFC defines it; an unknown one gets 501, a known one 405 (§8.2.1, §21.5.2). */
export function isKnownMethod(method: string): boolean {
  return METHODS.find(method, 0, method.length) === method
}

/** Reads the line from `at` to `end`, without its line break. Undefined when it is no SIP. */
export function readStartLine(
  text: string,
  at: number,
  end: number,
): RequestLine | StatusLine | undefined {
  const methodEnd = runEnd(TOKEN, text, at, end)
  if (methodEnd === at) return undefined
  if (text.charCodeAt(methodEnd) !== SPACE) return readStatusLine(text, at, end)
  const uriEnd = runEnd(VISIBLE, text, methodEnd + 1, end)
  const versionAt = uriEnd + 1
  const regular =
    versionAt + VERSION.length === end &&
    text.charCodeAt(uriEnd) === SPACE &&
    isVersion(text, versionAt) &&
    end - at <= MAX_START_LINE
  if (!regular) return readOddRequestLine(text, at, methodEnd, end)
  const method = methodAt(text, at, methodEnd)
  return { kind: 'request', method, uri: text.slice(methodEnd + 1, uriEnd), fault: undefined }
}

function readOddRequestLine(
  text: string,
  at: number,
  methodEnd: number,
  end: number,
): RequestLine | undefined {
  const lastBlank = text.lastIndexOf(' ', trimEnd(text, at, end) - 1)
  const versionAt = lastBlank + 1
  const version = text.slice(versionAt, end).trimEnd().toUpperCase()
  if (lastBlank <= methodEnd || !version.startsWith('SIP/')) return undefined
  const fault = (offset: number, rule: string, status: number): RequestLine => ({
    kind: 'request',
    method: methodAt(text, at, methodEnd),
    uri: text.slice(methodEnd + 1, lastBlank).trim(),
    fault: { offset, rule, status },
  })
  if (end - at > MAX_START_LINE) return fault(at, 'start line too long', 414)
  if (version !== VERSION) return fault(versionAt, 'unknown version', 505)
  const uriEnd = runEnd(VISIBLE, text, methodEnd + 1, end)
  if (uriEnd !== lastBlank) return fault(uriEnd, 'bad character in the Request-URI', 400)
  return fault(versionAt + VERSION.length, 'blank after the version', 400)
}

function readStatusLine(text: string, at: number, end: number): StatusLine | undefined {
  const codeAt = at + VERSION.length + 1
  const reasonAt = codeAt + 4
  if (!isVersion(text, at) || text.charCodeAt(codeAt - 1) !== SPACE) return undefined
  const status = codeAt + 3 > end ? undefined : decimal(text, codeAt, codeAt + 3)
  if (status === undefined || status < 100 || status > 699) return undefined
  if (codeAt + 3 < end && text.charCodeAt(codeAt + 3) !== SPACE) return undefined
  const reason = reasonAt < end ? text.slice(reasonAt, end) : ''
  return { kind: 'response', status, reason, fault: undefined }
}

/** §7.1: in any case. */
function isVersion(text: string, at: number): boolean {
  if (text.startsWith(VERSION, at)) return true
  return text.slice(at, at + VERSION.length).toUpperCase() === VERSION
}
