//! The messages a transaction layer makes by itself: the ACK to a 300-699 (§17.1.1.3), the CANCEL
//! (§9.1), and answers of its own.

import { fnv1a } from '../../base/fnv.ts'
import { Headers } from '../message/headers.ts'
import { request, type SipRequest, type SipResponse } from '../message/message.ts'
import { reply } from '../message/reply.ts'
import { cseq } from '../message/views.ts'

/** One hop: what is answered here goes no further. */
const MAX_FORWARDS = '70'

export function ackFor(invite: SipRequest, response: SipResponse): SipRequest {
  return companion(invite, 'ACK', response.headers.get('to'))
}

export function cancelFor(
  invite: SipRequest,
  headers: readonly (readonly [string, string])[],
): SipRequest {
  const cancel = companion(invite, 'CANCEL', invite.headers.get('to'))
  for (const [name, value] of headers) cancel.headers.add(name, value)
  return cancel
}

/** An answer to a request that gets no further than this layer. */
export function refusal(
  refused: SipRequest,
  status: number,
  headers: readonly (readonly [string, string])[] = [],
  reason?: string,
): SipResponse {
  const toTag = statelessTag(refused)
  return reply(
    refused,
    status,
    reason === undefined ? { toTag, headers } : { toTag, headers, reason },
  )
}

/** §8.2.7: a tag that comes out the same for the retransmission, without anything kept. */
export function statelessTag(refused: SipRequest): string {
  return `z${fnv1a(`${refused.headers.get('via')}${refused.headers.get('call-id')}`).toString(36)}`
}

/** Same Request-URI, top Via, Route, From, Call-ID and CSeq number as the INVITE. */
function companion(invite: SipRequest, method: string, to: string | undefined): SipRequest {
  const headers = new Headers()
  const [via] = invite.headers.list('via')
  if (via !== undefined) headers.add('via', via)
  for (const route of invite.headers.all('route')) headers.add('route', route)
  headers.add('max-forwards', MAX_FORWARDS)
  headers.add('from', invite.headers.get('from') ?? '')
  headers.add('to', to ?? '')
  headers.add('call-id', invite.headers.get('call-id') ?? '')
  headers.add('cseq', `${cseq(invite)?.number ?? 0} ${method}`)
  return request(method, invite.uri, headers)
}
