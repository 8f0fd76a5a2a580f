//! Where requests of a dialog go that has no route set. What the phone wrote in its Contact is
//! right only when it knows its own address as we see it.

import type { SipMessage } from '../../../src/sip/message/message.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import { contacts, vias } from '../../../src/sip/message/views.ts'
import { isReliable, type Source } from '../../../src/sip/transaction/flow.ts'
import type { ForkTarget } from '../routing/plan.ts'
import type { Hop } from './state.ts'

const NUMERIC = /^[\d.]+$|:/

/**
 * Back to where this message came from. A connection is kept (RFC 5923, RFC 5626); over UDP a
 * Contact that names another port of the same host is believed, one that names another host is
 * taken for an address behind a NAT. Who came through proxies is reached by its Contact.
 */
export function hopBack(message: SipMessage, source: Source, aor: string | undefined): Hop {
  const { address } = source
  const there = { to: source.flow, address, aor }
  const byContact = { to: undefined, address, aor }
  if (message.kind === 'request' && (vias(message)?.length ?? 1) > 1) return byContact
  if (isReliable(source.transport)) return there
  const list = contacts(message)
  const uri = list === undefined || list === '*' ? undefined : list[0]?.uri
  if (uri === undefined) return there
  const elsewhere = uri.host !== address
  if (elsewhere) return NUMERIC.test(uri.host) ? there : byContact
  const samePort = (uri.port ?? 5060) === source.port
  const transport = uri.params.get('transport')?.toLowerCase() ?? 'udp'
  return samePort || transport !== 'udp' ? there : byContact
}

/**
 * Of a device that answered. The registrar knows how its binding is reached; a Contact that names
 * another place than the binding (it moved, or something in front of it answers) is followed.
 */
export function hopAnswered(target: ForkTarget, response: SipMessage, source: Source): Hop {
  const known = hopTo(target)
  const list = contacts(response)
  const uri = list === undefined || list === '*' ? undefined : list[0]?.uri
  const bound = parseUri(target.uri)
  if (uri === undefined || bound === undefined) return known
  if (uri.host === bound.host && uri.port === bound.port) return known
  return hopBack(response, source, target.aor)
}

/** By address alone: a NAT gives a phone another port whenever it likes. */
export function isFromElsewhere(hop: Hop, source: Source): boolean {
  return hop.address !== source.address
}

export function hopTo({ to, address, aor }: ForkTarget): Hop {
  return { to, address, aor }
}
