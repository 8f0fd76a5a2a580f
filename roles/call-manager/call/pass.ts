//! INFO and MESSAGE within a call: handed to the other side, its answer handed back. DTMF by INFO
//! (`application/dtmf-relay`) goes this way; RFC 4733 events stay in the media.

import type { DialogId } from '../../../src/sip/dialog/dialog.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { maxForwards } from '../../../src/sip/message/views.ts'
import type { Call } from './call.ts'
import { oppositeOf, type Endpoint } from './endpoint.ts'
import type { Sent } from './pending.ts'
import type { Pending } from './state.ts'

const REQUEST_HEADERS = [
  'content-disposition',
  'content-encoding',
  'content-language',
  'info-package',
  'accept',
  'subject',
  'date',
]
const UNPASSABLE: ReadonlySet<number> = new Set([401, 407, 430, 481])
const RESPONSE_HEADERS = ['content-disposition', 'accept', 'recv-info', 'warning', 'retry-after']

export function passOn(call: Call, end: Endpoint, pending: Pending): void {
  const { request } = pending
  const other = oppositeOf(call, end)
  if (other?.holder.dialog === undefined) {
    // Keys pressed to a service or before anybody answered: heard, and of no effect.
    return call.respond(pending, request.method === 'INFO' ? 200 : 480)
  }
  const hops = maxForwards(request) ?? 70
  if (hops === 0) return call.respond(pending, 483)
  const to: DialogId = other.holder.dialog.id
  call.request(
    other.holder,
    other.hop,
    request.method,
    { kind: 'passed', pending, to },
    {
      headers: fieldsOf(request, REQUEST_HEADERS),
      maxForwards: hops - 1,
      body: request.body,
      ...typeOf(request),
    },
  )
}

/** The other side's final answer, or none. */
export function passBack(
  call: Call,
  { pending }: Sent & { readonly kind: 'passed' },
  response: SipResponse | undefined,
): void {
  // It is no 408: that would be said of the sender's own dialog (RFC 3261 §12.2.1.2).
  if (response === undefined || response.status === 408) return call.respond(pending, 504)
  // Its authentication and its connection are no business of the sender's.
  const { status } = response
  const passable = !UNPASSABLE.has(status)
  call.respond(pending, passable ? status : 480, {
    ...(passable ? { reason: response.reason } : {}),
    headers: fieldsOf(response, RESPONSE_HEADERS),
    body: response.body,
    ...typeOf(response),
  })
}

function fieldsOf(
  message: SipRequest | SipResponse,
  names: readonly string[],
): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = []
  for (const name of names)
    for (const value of message.headers.all(name)) fields.push([name, value])
  return fields
}

function typeOf(message: SipRequest | SipResponse): { contentType?: string } {
  const contentType = message.headers.get('content-type')
  return contentType === undefined || message.body.length === 0 ? {} : { contentType }
}
