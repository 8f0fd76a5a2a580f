//! Where requests of a dialog go, and whom we take for the other end of it. What a message says of
//! the way (Via, Contact, Record-Route) anybody can write: it is believed as far as it names the
//! host that the message came from, so nobody can have us send to somebody else. No proxy is
//! trusted beyond that yet.
//!
//!                   from 192.0.2.7:5060        a request of ours goes to
//!                   Contact or first Route
//!   TCP, TLS, WS    anything                   the connection; when it is gone, the one that its
//!                                              device has now, or 192.0.2.7 at the port named
//!   UDP             192.0.2.7:5070             192.0.2.7:5070: it listens there
//!                   10.0.0.7, 203.0.113.9,     192.0.2.7:5060: a NAT or a proxy without
//!                   phone.example              Record-Route, or a lie
//!   a second Via                               changes nothing of this

import type { SipMessage, SipRequest } from '../../../src/sip/message/message.ts'
import { parseUri, type SipUri } from '../../../src/sip/message/uri.ts'
import { firstContact } from '../../../src/sip/message/views.ts'
import { isReliable, type Source, type Target } from '../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import type { ForkTarget } from '../routing/plan.ts'
import type { Hop } from './state.ts'

/** Back to where this message came from: a connection is kept (RFC 5923, RFC 5626). */
export function hopBack(
  message: SipMessage,
  source: Source,
  { aor, device }: Pick<Hop, 'aor' | 'device'>,
): Hop {
  const { address, flow, transport } = source
  const listens = isReliable(transport) ? undefined : portOfItsOwn(message, source)
  return { to: listens ?? flow, address, aor, device }
}

/** Over UDP a phone may listen on another port than it sends from. */
function portOfItsOwn(message: SipMessage, { address, port }: Source): Target | undefined {
  const uri = firstContact(message)?.uri
  if (uri === undefined || uri.host !== address || transportOf(uri) !== 'udp') return undefined
  const listens = uri.port ?? 5060
  return listens === port ? undefined : { transport: 'udp', host: address, port: listens }
}

/** What a URI names, but at this address and nowhere else; undefined when only it can connect. */
export function placeAt(address: string, uri: SipUri): Target | undefined {
  const transport = transportOf(uri)
  if (address === '') return undefined
  if (transport === 'udp' || transport === 'tcp')
    return { transport, host: address, port: uri.port ?? 5060 }
  if (transport !== 'tls') return undefined
  return { transport, host: address, port: uri.port ?? 5061, serverName: uri.host }
}

function transportOf({ scheme, params }: SipUri): string {
  return scheme === 'sips' ? 'tls' : (params.get('transport')?.toLowerCase() ?? 'udp')
}

/**
 * Of a device that answered. The registrar knows how its binding is reached; a connection that it
 * answers by, perhaps before it has registered that, is followed, and so is a Contact that names
 * another place than the binding (it moved, or something in front of it answers).
 */
export function hopAnswered(target: ForkTarget, response: SipMessage, source: Source): Hop {
  const known = hopTo(target)
  if (isReliable(source.transport)) return hopBack(response, source, target)
  const uri = firstContact(response)?.uri
  const bound = parseUri(target.uri)
  if (uri === undefined || bound === undefined) return known
  if (uri.host === bound.host && uri.port === bound.port) return known
  return hopBack(response, source, target)
}

/** A request that came from where its hop is not: whoever sent it is to show that it is `aor`. */
export type Unproven = {
  readonly key: ServerKey
  readonly request: SipRequest
  readonly source: Source
  readonly aor: string
}

/** By address alone: a NAT gives a phone another port whenever it likes. */
export function isFromElsewhere(hop: Hop, source: Source): boolean {
  return hop.address !== source.address
}

export function hopTo({ to, address, aor, device }: ForkTarget): Hop {
  return { to, address, aor, device }
}
