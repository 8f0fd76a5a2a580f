//! Requests within a dialog (RFC 3261 §12.2.1.1). The Via is the stack's to add, and `nextHop` is
//! where it sends to: the first route, or the remote target.

import { Headers } from '../message/headers.ts'
import { request, type Method, type SipRequest } from '../message/message.ts'
import { parseNameAddr } from '../message/name-addr.ts'
import { formatUri, type SipUri } from '../message/uri.ts'
import type { Dialog } from './dialog.ts'

export type RequestOptions = {
  readonly headers?: readonly (readonly [name: string, value: string])[]
  readonly body?: Uint8Array
  readonly contentType?: string
  /** 70 unless the request goes on for another one. */
  readonly maxForwards?: number
}

export type InDialog = {
  /** The dialog with its local CSeq counted up; keep this one. */
  readonly dialog: Dialog
  readonly request: SipRequest
  /** URI text of the hop to send to. */
  readonly nextHop: string
}

/** The next request of this dialog, CSeq counted up by one. Not for ACK and CANCEL. */
export function requestInDialog(
  dialog: Dialog,
  method: Method,
  options: RequestOptions = {},
): InDialog {
  const next = { ...dialog, localCseq: dialog.localCseq + 1 }
  return { dialog: next, ...build(next, method, next.localCseq, options) }
}

/** The ACK to a 2xx; `inviteCseq` is the number of the INVITE it answers (§13.2.2.4). */
export function ackInDialog(
  dialog: Dialog,
  inviteCseq: number,
  options: RequestOptions = {},
): Omit<InDialog, 'dialog'> {
  return build(dialog, 'ACK', inviteCseq, options)
}

const TARGET_REFRESH: ReadonlySet<Method> = new Set([
  'INVITE',
  'UPDATE',
  'SUBSCRIBE',
  'NOTIFY',
  'REFER',
])

function build(
  dialog: Dialog,
  method: Method,
  number: number,
  options: RequestOptions,
): Omit<InDialog, 'dialog'> {
  const { uri, routes, nextHop } = route(dialog)
  const headers = new Headers()
  headers.add('max-forwards', String(options.maxForwards ?? 70))
  for (const each of routes) headers.add('route', each)
  headers.add('from', tagged(dialog.local))
  headers.add('to', tagged(dialog.remote))
  headers.add('call-id', dialog.callId)
  headers.add('cseq', `${number} ${method}`)
  if (TARGET_REFRESH.has(method)) headers.add('contact', dialog.localTarget)
  for (const [name, value] of options.headers ?? []) headers.add(name, value)
  if (options.contentType !== undefined) headers.set('content-type', options.contentType)
  return { request: request(method, uri, headers, options.body), nextHop }
}

function tagged(party: Dialog['local']): string {
  return party.tag === '' ? party.address : `${party.address};tag=${party.tag}`
}

type Routing = {
  readonly uri: string
  readonly routes: readonly string[]
  readonly nextHop: string
}

function route({ routeSet, remoteTarget }: Dialog): Routing {
  const first = routeSet[0]
  const hop = first === undefined ? undefined : parseNameAddr(first)
  if (hop === undefined) return { uri: remoteTarget, routes: routeSet, nextHop: remoteTarget }
  if (hop.uri.params.has('lr')) {
    return { uri: remoteTarget, routes: routeSet, nextHop: hop.uriText }
  }
  // A strict router (RFC 2543) reads the Request-URI as its own; the target travels last.
  const uri = asRequestUri(hop.uri)
  return { uri, routes: [...routeSet.slice(1), `<${remoteTarget}>`], nextHop: uri }
}

/** Without what a Request-URI may not hold: headers and the method parameter (§19.1.1 Table 1). */
function asRequestUri(uri: SipUri): string {
  return formatUri({ ...uri, params: uri.params.without('method'), headers: undefined })
}
