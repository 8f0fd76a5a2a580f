//! Messages for scripts, made of a few words: `INVITE branch=a to-tag=t` or `180 branch=a`.

import { Headers } from '../../../src/sip/message/headers.ts'
import {
  request,
  response,
  type SipMessage,
  type SipRequest,
  type SipResponse,
} from '../../../src/sip/message/message.ts'
import { callId, cseq, toTag, topVia } from '../../../src/sip/message/views.ts'
import type { FlowId, Source, Target, TransportName } from '../../../src/sip/transaction/flow.ts'
import type { Command } from '../../harness/datadriven.ts'

/**
 * Words: branch, sent-by, via (whole values after the top one), from-tag, to-tag, call-id, cseq,
 * uri, max-forwards, max-breadth, route, rport; for a response method.
 */
export function requestOf(command: Command, method: string): SipRequest {
  const headers = new Headers()
  const word = (name: string, otherwise: string): string => command.arg(name) ?? otherwise
  const sentBy = word('sent-by', '192.0.2.1:5060')
  const rport = command.arg('rport') === undefined ? '' : `;rport=${command.arg('rport')}`
  const branch = command.arg('branch') === '' ? '' : `;branch=${word('branch', 'z9hG4bKa')}`
  headers.add('via', `SIP/2.0/${word('transport', 'udp').toUpperCase()} ${sentBy}${rport}${branch}`)
  const below = command.arg('via')
  if (below !== undefined) headers.add('via', `SIP/2.0/UDP ${below}`)
  const route = command.arg('route')
  if (route !== undefined) headers.add('route', `<sip:${route};lr>`)
  headers.add('max-forwards', word('max-forwards', '70'))
  const breadth = command.arg('max-breadth')
  if (breadth !== undefined) headers.add('max-breadth', breadth)
  headers.add('from', `<sip:alice@example.com>;tag=${word('from-tag', 'f')}`)
  headers.add('to', `<sip:bob@example.com>${tagged(command.arg('to-tag'))}`)
  headers.add('call-id', word('call-id', 'c1'))
  headers.add('cseq', `${word('cseq', '1')} ${method}`)
  return request(method, word('uri', 'sip:bob@example.com'), headers)
}

function responseOf(command: Command, status: number): SipResponse {
  const method = command.arg('method') ?? 'INVITE'
  const { headers } = requestOf(command, method)
  return response(status, undefined, headers.copy().remove('max-forwards').remove('route'))
}

export function messageOf(command: Command): SipMessage {
  const [what = ''] = command.words
  return /^\d/.test(what) ? responseOf(command, Number(what)) : requestOf(command, what)
}

/** Words: source, transport. */
export function sourceOf(command: Command): Source {
  const { host, port } = address(command.arg('source') ?? '192.0.2.1:5060')
  const transport = transportOf(command)
  return {
    flow: `${transport}:${host}:${port}` as FlowId,
    transport,
    address: host,
    port,
    localAddress: '192.0.2.100',
    localPort: 5060,
  }
}

/** Words: to, transport, server-name; a flow is written `to=flow:tcp:host:port`. */
export function destinationOf(command: Command): FlowId | Target {
  const to = command.arg('to') ?? '192.0.2.9:5060'
  if (to.startsWith('flow:')) return to.slice(5) as FlowId
  const serverName = command.arg('server-name')
  const target = { transport: transportOf(command), ...address(to) }
  return serverName === undefined ? target : { ...target, serverName }
}

export function transportOf(command: Command): TransportName {
  const name = command.arg('transport') ?? 'udp'
  for (const each of ['udp', 'tcp', 'tls', 'ws', 'wss'] as const) if (each === name) return each
  throw new Error(`no such transport: ${name}`)
}

export function placeText(to: FlowId | Target): string {
  return typeof to === 'string' ? `flow ${to}` : `${to.transport} ${to.host}:${to.port}`
}

/** One line that says which message it is. */
export function summary(message: SipMessage): string {
  const start =
    message.kind === 'request'
      ? `${message.method} ${message.uri}`
      : `${message.status} ${message.reason}`
  const tag = toTag(message)
  const sequence = cseq(message)
  const of = `${callId(message)} ${sequence?.number} ${sequence?.method}`
  const branch = topVia(message)?.branch ?? 'no branch'
  return `${start} (${branch}, ${of}${tag === undefined ? '' : `, to ${tag}`})`
}

function address(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}

function tagged(tag: string | undefined): string {
  return tag === undefined ? '' : `;tag=${tag}`
}
