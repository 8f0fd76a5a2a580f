//! From a hop to a destination, and what we call ourselves towards it.

import { USER } from '../../../../src/sip/message/chars.ts'
import { request as sipRequest, type SipRequest } from '../../../../src/sip/message/message.ts'
import { joined } from '../../../../src/sip/message/text.ts'
import { escape, formatHostPort, parseUri } from '../../../../src/sip/message/uri.ts'
import { firstContact, topVia, toTag } from '../../../../src/sip/message/views.ts'
import type { LocalAddress, SipTransport } from '../../../../src/sip/stack/sip-transport.ts'
import type { Destination, SipStack } from '../../../../src/sip/stack.ts'
import type { FlowId, Source, Target } from '../../../../src/sip/transaction/flow.ts'
import { responseFallback, responseRoute } from '../../../../src/sip/transaction/response-route.ts'
import { bindingOf, type Binding, type Location } from '../../location.ts'
import { placeAt } from '../hop.ts'
import type { CallInput, CallOutput } from '../io.ts'
import type { Hop } from '../state.ts'

export type Ways = {
  readonly localAddress: SipTransport['localAddress']
  readonly location: Pick<Location, 'bindings' | 'byGruu'>
}

/** What is sent, and where to. */
export type Way = { readonly request: SipRequest; readonly to: Destination }

/** Undefined when it leads nowhere. */
export function wayTo(ways: Ways, request: SipRequest, hop: Hop, nextHop: string): Way | undefined {
  const named = request.headers.has('route') ? undefined : namedByGruu(ways, request.uri, hop.aor)
  if (named !== undefined) return toDevice(request, named)
  const to = destination(ways, request, hop, nextHop)
  return to && { request, to }
}

/** A Contact that is a GRUU of ours names a device of its user, wherever that is registered now. */
function namedByGruu(
  { location }: Ways,
  text: string,
  aor: string | undefined,
): Binding | undefined {
  if (!text.includes(';gr')) return undefined
  const uri = parseUri(text)
  const devices = uri?.params.has('gr') === true ? location.byGruu(uri) : []
  return devices.find((each) => each.aor === aor)
}

/** RFC 5627 §5.3: the GRUU becomes what the device registered, with the Path to it. */
function toDevice(request: SipRequest, { contact, path, flow, target }: Binding): Way {
  const headers = request.headers.copy()
  for (const route of path) headers.add('route', route)
  const aimed = sipRequest(request.method, contact, headers, request.body)
  return { request: aimed, to: flow ?? target }
}

function destination(
  ways: Ways,
  request: SipRequest,
  hop: Hop,
  nextHop: string,
): Destination | undefined {
  const uri = parseUri(nextHop)
  const next = uri && placeAt(hop.address, uri)
  // Within a dialog a route set says where to go (RFC 3261 §12.2.1.1), see `hop.ts`; what starts
  // one goes where its binding says, whose Path is in the Route header (RFC 3327).
  const routed = request.headers.has('route') && toTag(request) !== undefined
  if (routed && next !== undefined && uri?.host === hop.address) return next
  if (typeof hop.to === 'object') return hop.to
  if (hop.to !== undefined && ways.localAddress(hop.to) !== undefined) return hop.to
  return (routed ? undefined : registeredAnew(ways, request, hop)) ?? next
}

/** A dialog is bound to the device, not to the connection it began on (RFC 5626). */
function registeredAnew(
  { location }: Ways,
  request: SipRequest,
  { aor, device }: Hop,
): FlowId | Target | undefined {
  const bindings = aor === undefined ? [] : location.bindings(aor)
  const same = bindingOf(bindings, request.uri, device)
  // A connection came from a port that nobody listens at: what the device itself names is better.
  return same && (same.flow ?? (same.transport === 'udp' ? same.target : undefined))
}

/**
 * For the answers to an INVITE: the way it came, the connection that its sender has now, as heard
 * within the call or as registered (RFC 5626), or where it listens (RFC 3261 §18.2.2).
 */
export function wayBack(
  ways: Ways,
  invite: SipRequest,
  source: Source,
  { to, aor, device }: Pick<Hop, 'to' | 'aor' | 'device'>,
): FlowId | Target | undefined {
  const via = topVia(invite)
  const way = responseRoute(source, via)
  if (isOpen(ways, way)) return way
  if (typeof to === 'string' && isOpen(ways, to)) return to
  const contact = firstContact(invite)?.uriText ?? ''
  const bindings = aor === undefined ? [] : ways.location.bindings(aor)
  const binding = namedByGruu(ways, contact, aor) ?? bindingOf(bindings, contact, device)
  if (binding?.flow !== undefined && isOpen(ways, binding.flow)) return binding.flow
  return via && responseFallback(source, via)
}

/** Says a 2xx again, if that does not take a connection which may never come to be. */
export function answerAgain(
  ways: Ways,
  stack: Pick<SipStack, 'send'>,
  { leg, request, source, hop, response }: CallOutput & { readonly kind: 'answer-again' },
): CallInput {
  const to = wayBack(ways, request, source, hop)
  if (to !== undefined) stack.send(response, to)
  const isSent = typeof to === 'string' ? isOpen(ways, to) : to?.transport === 'udp'
  return { kind: 'answered-again', leg, isSent }
}

function isOpen({ localAddress }: Ways, way: FlowId | Target): boolean {
  return localAddress(way) !== undefined
}

/** Our Contact value towards somebody. */
export function contactFor(local: LocalAddress | undefined, user: string, secure: boolean): string {
  const address = local === undefined ? 'invalid' : formatHostPort(local.address, local.port)
  const scheme = secure ? 'sips' : 'sip'
  return joined('<', scheme, ':', escape(user, USER), '@', address, parameter(local, secure), '>')
}

function parameter(local: LocalAddress | undefined, secure: boolean): string {
  switch (local?.transport ?? 'udp') {
    case 'tcp':
      return ';transport=tcp'
    case 'tls':
      return secure ? '' : ';transport=tls'
    case 'ws':
    case 'wss':
      return ';transport=ws'
    case 'udp':
      return ''
  }
}
