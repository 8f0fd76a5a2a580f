//! The strict writer: one space after the colon, CRLF, the RFCs' own case, Content-Length last and
//! always right. No value can break out of its line: what is set is cleaned when it is set
//! (`Headers`), what was received holds no line break, the start line is cleaned here.

import { assert } from '../../base/assert.ts'
import { VISIBLE } from './chars.ts'
import { lineStart } from './header-name.ts'
import type { Headers } from './headers.ts'
import type { SipMessage } from './message.ts'
import { wireText } from './text.ts'
import { escape } from './uri.ts'

const LENGTH = lineStart('content-length')

export function serialize(message: SipMessage): Buffer {
  const { headers, body } = message
  const head = `${startLine(message)}${fieldLines(headers)}${LENGTH}${body.length}\r\n\r\n`
  const bytes = Buffer.allocUnsafe(head.length + body.length)
  bytes.write(head, 0, 'latin1')
  if (body.length > 0) bytes.set(body, head.length)
  return bytes
}

function startLine(message: SipMessage): string {
  if (message.kind === 'request')
    return `${unbroken(message.method)} ${unbroken(message.uri)} SIP/2.0`
  const { status, reason } = message
  assert(status >= 100 && status <= 699, `no SIP status code: ${status}`)
  return `SIP/2.0 ${status} ${wireText(reason)}`
}

function fieldLines(headers: Headers): string {
  let lines = ''
  for (const { name, value } of headers.fields())
    if (name !== 'content-length') lines += lineStart(name) + value
  return lines
}

/** A method or URI: what cannot be in it leaves as its escape. */
function unbroken(text: string): string {
  return escape(wireText(text), VISIBLE)
}
