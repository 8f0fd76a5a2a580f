//! Where a message came from and where one goes to, as plain data. Declared here by the consumer;
//! src/sip/transport makes them.

import type { Brand } from '../../base/brand.ts'

/** One connection, or one UDP remote address seen through one local socket (RFC 5626). */
export type FlowId = Brand<string, 'FlowId'>

export type TransportName = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

export type Source = {
  readonly flow: FlowId
  readonly transport: TransportName
  /** Numeric, IPv6 without brackets. */
  readonly address: string
  readonly port: number
  readonly localAddress: string
  readonly localPort: number
}

export type Target = {
  readonly transport: TransportName
  /** Numeric, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** The name the certificate must carry (TLS, WSS). */
  readonly serverName?: string
}

/** A reliable transport resends for us: no Timer A, E or G, and Timers D, I, J, K are zero. */
export function isReliable(transport: TransportName): boolean {
  return transport !== 'udp'
}
