//! Responses as a UAS makes them: RFC 3261 §8.2.6, §12.1.1.

import { Headers } from './headers.ts'
import { response, type SipRequest, type SipResponse } from './message.ts'
import { toTag } from './views.ts'

export type ReplyOptions = {
  readonly reason?: string | undefined
  /** Put on To unless it has one already, or the response is a 100. */
  readonly toTag?: string | undefined
  readonly headers?: readonly (readonly [string, string])[] | undefined
  readonly body?: Uint8Array | undefined
  readonly contentType?: string | undefined
}

/** Requests whose 1xx and 2xx make a dialog and so must return the Record-Route. */
const DIALOG_MAKERS = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY'])

export function reply(
  request: SipRequest,
  status: number,
  options: ReplyOptions = {},
): SipResponse {
  const headers = new Headers()
  const asked = request.headers
  headers.copyAll(asked, 'via')
  if (status > 100 && status < 300 && DIALOG_MAKERS.has(request.method))
    headers.copyAll(asked, 'record-route')
  headers.copyFirst(asked, 'from')
  const tagged = options.toTag === undefined || status === 100 || toTag(request) !== undefined
  const to = tagged ? undefined : asked.get('to')
  // The header's own parameters come last in either form of an address.
  if (to === undefined) headers.copyFirst(asked, 'to')
  else headers.add('to', `${to};tag=${options.toTag}`)
  headers.copyFirst(asked, 'call-id')
  headers.copyFirst(asked, 'cseq')
  if (status === 100) headers.copyFirst(asked, 'timestamp')
  for (const [name, value] of options.headers ?? []) headers.add(name, value)
  if (options.contentType !== undefined) headers.set('content-type', options.contentType)
  return response(status, options.reason, headers, options.body)
}
