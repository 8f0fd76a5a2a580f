//! Messages written in golden scripts, and back.

import { assert } from '../../../src/base/assert.ts'
import type { SipMessage, SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { serialize } from '../../../src/sip/message/serialize.ts'

export function messageFrom(lines: readonly string[]): SipMessage {
  const head = lines.join('\r\n')
  const text = head.includes('\r\n\r\n') ? head : `${head}\r\n\r\n`
  const parsed = parseMessage(Buffer.from(text, 'latin1'))
  assert(parsed.ok, `unreadable message in a script: ${head}`)
  return parsed.value
}

export function requestFrom(lines: readonly string[]): SipRequest {
  const message = messageFrom(lines)
  assert(message.kind === 'request', 'a request is wanted here')
  return message
}

export function responseFrom(lines: readonly string[]): SipResponse {
  const message = messageFrom(lines)
  assert(message.kind === 'response', 'a response is wanted here')
  return message
}

/** An empty line would end the expected output. */
export function textOf(message: SipMessage): string {
  const text = serialize(message).toString('latin1').replaceAll('\r\n', '\n').trimEnd()
  return text.replaceAll('\n\n', '\n(empty line)\n')
}

/** What a snapshot does to a value; every script passes its state through here at each step. */
export function saved<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)
}
