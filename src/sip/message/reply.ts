//! Responses as a UAS makes them: RFC 3261 §8.2.6, §12.1.1.

import { Headers } from './headers.ts'
import { response, type SipRequest, type SipResponse } from './message.ts'
import { formatNameAddr } from './name-addr.ts'
import { to, toTag } from './views.ts'

export type ReplyOptions = {
  readonly reason?: string
  /** Put on To unless it has one already, or the response is a 100. */
  readonly toTag?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: Uint8Array
  readonly contentType?: string
}

/** Requests whose 1xx and 2xx make a dialog and so must return the Record-Route. */
const DIALOG_MAKERS = new Set(['INVITE', 'SUBSCRIBE', 'REFER', 'NOTIFY'])

export function reply(
  request: SipRequest,
  status: number,
  options: ReplyOptions = {},
): SipResponse {
  const headers = new Headers()
  for (const via of request.headers.all('via')) headers.add('via', via)
  if (status > 100 && status < 300 && DIALOG_MAKERS.has(request.method))
    for (const route of request.headers.all('record-route')) headers.add('record-route', route)
  copy(request, headers, 'from')
  const tag = status > 100 && toTag(request) === undefined ? options.toTag : undefined
  const address = tag === undefined ? undefined : to(request)
  if (tag === undefined) copy(request, headers, 'to')
  else if (address !== undefined)
    headers.add('to', formatNameAddr({ ...address, params: address.params.withRaw('tag', tag) }))
  else if (request.headers.has('to')) headers.add('to', `${request.headers.get('to')};tag=${tag}`)
  copy(request, headers, 'call-id')
  copy(request, headers, 'cseq')
  if (status === 100) copy(request, headers, 'timestamp')
  for (const [name, value] of options.headers ?? []) headers.add(name, value)
  if (options.contentType !== undefined) headers.set('content-type', options.contentType)
  return response(status, options.reason, headers, options.body)
}

function copy(request: SipRequest, headers: Headers, name: string): void {
  const value = request.headers.get(name)
  if (value !== undefined) headers.add(name, value)
}
