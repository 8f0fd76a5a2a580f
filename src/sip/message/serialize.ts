//! The strict writer: one space after the colon, CRLF, the RFCs' own case, Content-Length last and
//! always right.

import { conventionalName } from './header-name.ts'
import { wireText } from './headers.ts'
import type { SipMessage } from './message.ts'
import { isBlank } from './chars.ts'

export function serialize(message: SipMessage): Buffer {
  const { body } = message
  const head = `${startLine(message)}\r\n${fieldLines(message)}Content-Length: ${body.length}\r\n\r\n`
  const bytes = Buffer.allocUnsafe(head.length + body.length)
  bytes.write(head, 0, 'latin1')
  if (body.length > 0) bytes.set(body, head.length)
  return bytes
}

function startLine(message: SipMessage): string {
  if (message.kind === 'response') return `SIP/2.0 ${message.status} ${wireText(message.reason)}`
  return `${unbroken(message.method)} ${unbroken(message.uri)} SIP/2.0`
}

function fieldLines(message: SipMessage): string {
  let lines = ''
  for (const field of message.headers.fields())
    if (field.name !== 'content-length')
      lines += `${conventionalName(field.name)}: ${field.value}\r\n`
  return lines
}

/** A method or URI: blanks and controls cannot be in it, so they leave as their escapes. */
function unbroken(text: string): string {
  const line = wireText(text)
  let clean = ''
  for (let index = 0; index < line.length; index++) {
    const code = line.charCodeAt(index)
    if (!isBlank(code)) continue
    clean = line.replaceAll(' ', '%20').replaceAll('\t', '%09')
    return clean
  }
  return line
}
