//! Bytes to message: the datagram is decoded once, its header lines are indexed in one scan, and
//! nothing is read further until somebody asks. Total: any bytes give a message or an error.
//!
//! Tolerant of what harms nobody: bare LF, empty lines in front, blanks round the colon. Strict
//! about what could be read in two ways.

import { err, ok, type Result } from '../../base/result.ts'
import { indexHeaders } from './header-index.ts'
import { Headers } from './headers.ts'
import { MAX_BODY, MAX_HEAD } from './limits.ts'
import { NO_BODY, request, response, type SipMessage } from './message.ts'
import { readStartLine, type Fault } from './start-line.ts'
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
  if (bytes.length > MAX_HEAD + MAX_BODY) return unreadable(0, 'message too large')
  const text = textOf(bytes)
  let at = 0
  while (bytes[at] === CR || bytes[at] === LF) at++
  const lineEnd = text.indexOf('\n', at)
  if (lineEnd === -1) return unreadable(at, 'no start line')
  const start = readStartLine(text, at, bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd)
  if (start === undefined) return unreadable(at, 'not a SIP start line')

  const { fields, bodyAt, contentLength, fault } = indexHeaders(bytes, text, lineEnd + 1)
  const available = bytes.length - bodyAt
  const length = contentLength ?? available
  const body = available === 0 || length === 0 ? NO_BODY : bytes.subarray(bodyAt, bodyAt + length)
  const headers = new Headers(fields)
  const message =
    start.kind === 'request'
      ? request(start.method, start.uri, headers, body)
      : response(start.status, start.reason, headers, body)
  if (start.fault !== undefined) return refuse(message, start.fault)
  if (fault !== undefined) return refuse(message, fault)
  if (length > available) return refuse(message, truncated(bytes.length))
  return ok(message)
}

const CR = 0x0d
const LF = 0x0a

function truncated(offset: number): Fault {
  return { offset, rule: 'body shorter than Content-Length', status: 400 }
}

function unreadable(offset: number, rule: string): Result<SipMessage, ParseError> {
  return err({ offset, rule, status: undefined, partial: undefined })
}

/** What is broken in a request is answered; for a response or an ACK there is nobody to tell. */
function refuse(
  partial: SipMessage,
  { offset, rule, status }: Fault,
): Result<SipMessage, ParseError> {
  const answerable = partial.kind === 'request' && partial.method !== 'ACK'
  return err({ offset, rule, status: answerable ? status : undefined, partial })
}
