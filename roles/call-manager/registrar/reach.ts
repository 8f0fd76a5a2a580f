//! How requests get to a device: as its REGISTER came, when anything lies between. Pure.

import type { SipRequest } from '../../../src/sip/message/message.ts'
import type { SipUri } from '../../../src/sip/message/uri.ts'
import { isProxied, vias } from '../../../src/sip/message/views.ts'
import {
  isReliable,
  type FlowId,
  type Source,
  type Target,
} from '../../../src/sip/transaction/flow.ts'

export type Reach = {
  readonly flow: FlowId | undefined
  readonly target: Target
  readonly behindNat: boolean
}

/** Through the proxies of `path`, or directly. */
export function reachOf(
  request: SipRequest,
  source: Source,
  contact: SipUri,
  path: readonly string[],
): Reach {
  const isConnection = isReliable(source.transport)
  const theSource: Target = {
    transport: source.transport,
    host: source.address,
    port: source.port,
  }
  if (!isSip(contact.scheme)) return { flow: undefined, target: theSource, behindNat: false }
  if (path.length > 0) {
    // The last proxy to touch the request is the first one of the path, and it is the source.
    return { flow: isConnection ? source.flow : undefined, target: theSource, behindNat: false }
  }
  const isContactHere = contact.host === source.address
  const atContact: Target = { ...theSource, port: portOf(contact) }
  if (isProxied(request)) {
    // A proxy without Path, or somebody who invented one: nobody has us send to a third party.
    if (isContactHere) return { flow: undefined, target: atContact, behindNat: false }
    return { flow: source.flow, target: theSource, behindNat: false }
  }
  const behindNat = !isContactHere || isTranslated(request, source)
  if (behindNat) return { flow: source.flow, target: theSource, behindNat }
  const isSamePort = atContact.port === source.port
  // A device may listen on another port than it sends from, over UDP at least.
  const flow = isConnection || isSamePort ? source.flow : undefined
  return { flow, target: atContact, behindNat }
}

/** Other contacts (mailto, tel) are kept and listed (RFC 3261 §10.2.1), and never called. */
function isSip(scheme: string): boolean {
  return scheme === 'sip' || scheme === 'sips'
}

/** Whether it comes from another address or port than its Via says it sent from. */
function isTranslated(request: SipRequest, source: Source): boolean {
  const sent = vias(request)?.[0]
  if (sent === undefined) return false
  if (isAddress(sent.host) && sent.host !== source.address) return true
  // Over a connection the Via names the port that the device listens on.
  return source.transport === 'udp' && (sent.port ?? 5060) !== source.port
}

function portOf(contact: SipUri): number {
  if (contact.port !== undefined) return contact.port
  const isTls = contact.scheme === 'sips' || contact.params.get('transport') === 'tls'
  return isTls ? 5061 : 5060
}

/** A numeric address, not a name: only digits and dots, or with colons. */
function isAddress(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host)
}
