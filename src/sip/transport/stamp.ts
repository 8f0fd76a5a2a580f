//! What a server writes on the top Via of a request on arrival: `received` (RFC 3261 §18.2.1) and
//! `rport` (RFC 3581 §4). A `received` that the sender has put there himself never stays: answers
//! would go to whom he names. Pure.

import type { Field } from '../message/headers.ts'
import type { SipRequest } from '../message/message.ts'
import { formatHostPort } from '../message/uri.ts'
import { topVia } from '../message/views.ts'
import type { Source } from '../transaction/flow.ts'

const RPORT = ';rport'
const SEMICOLON = 0x3b
const COMMA = 0x2c
const QUOTE = 0x22
const SPACE = 0x20
const TAB = 0x09
const LOWER_R = 0x72
/** Turns an upper-case letter into a lower-case one. */
const LOWER = 0x20

export function stampVia(request: SipRequest, source: Source): void {
  const { headers } = request
  const field = headers.first('via')
  if (field === undefined) return
  const stamped = plainStamped(field, source) ?? readAndStamped(request, source)
  if (stamped !== undefined) headers.dropFirst('via').prepend('via', stamped)
}

/**
 * Nearly every request has one plain Via that asks for `rport`: that one is stamped without being
 * read. Undefined when there is anything about it that must be read.
 */
function plainStamped({ text, at, end }: Field, { address, port }: Source): string | undefined {
  const rport = text.indexOf(RPORT, at)
  const after = rport + RPORT.length
  if (rport === -1 || after > end) return undefined
  if (after < end && text.charCodeAt(after) !== SEMICOLON) return undefined
  for (let index = at; index < end; index++) {
    const code = text.charCodeAt(index)
    if (code === COMMA || code === QUOTE) return undefined
    // `received`, or `rport` again, in whatever case.
    if (code === SEMICOLON && index !== rport && nextLetter(text, index + 1) === LOWER_R)
      return undefined
  }
  return `${text.slice(at, after)}=${port}${text.slice(after, end)};received=${address}`
}

function nextLetter(text: string, from: number): number {
  let at = from
  while (text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB) at++
  return text.charCodeAt(at) | LOWER
}

/** Undefined when it stays as it is, or cannot be read. */
function readAndStamped(request: SipRequest, { address, port }: Source): string | undefined {
  const via = topVia(request)
  if (via === undefined) return undefined
  const wantsPort = via.params.has('rport')
  if (!wantsPort && via.host === address && via.received === undefined) return undefined
  let { params } = via
  if (wantsPort) params = params.withRaw('rport', String(port))
  params = params.withRaw('received', address)
  return `SIP/2.0/${via.transport} ${formatHostPort(via.host, via.port)}${params.toString()}`
}
