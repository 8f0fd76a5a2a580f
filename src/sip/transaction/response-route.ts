//! Where responses go: RFC 3261 §18.2.2, RFC 3581 §4.
//!
//! Deviation: `maddr` is not followed. It was meant for multicast, and lets anyone have our answers
//! sent to whom he likes.

import type { Via } from '../message/via.ts'
import { isReliable, type FlowId, type Source, type Target } from './flow.ts'

const DEFAULT_PORT = { udp: 5060, tcp: 5060, tls: 5061, ws: 80, wss: 443 } as const

/**
 * The first place to try for the response to a request from `source`: back the way it came when
 * nobody can read its Via.
 */
export function responseRoute(source: Source, via: Via | undefined): FlowId | Target {
  if (via === undefined || isReliable(source.transport)) return source.flow
  const port = via.port ?? DEFAULT_PORT.udp
  // With rport, and for everyone who sends from where he listens, back the way it came.
  if (via.rport !== undefined || source.port === port) return source.flow
  return { transport: 'udp', host: source.address, port }
}

/** Where to try when the connection it came by is no more; undefined when there is nowhere. */
export function responseFallback(source: Source, via: Via): Target | undefined {
  const { transport, address } = source
  // A browser listens nowhere (RFC 7118 §5.3).
  if (transport !== 'tcp' && transport !== 'tls') return undefined
  const port = via.port ?? DEFAULT_PORT[transport]
  if (transport === 'tcp') return { transport, host: via.received ?? address, port }
  return { transport, host: via.received ?? address, port, serverName: via.host }
}
