//! What the transport offers besides the seam of the stack, and what it wants to be told.

import type { Host, Subscribe } from '../../base/host.ts'
import type { Result } from '../../base/result.ts'
import type { Native } from '../../native/load.ts'
import type { ParseError } from '../message/parse.ts'
import type { LocalAddress, SipTransport } from '../stack/sip-transport.ts'
import type { FlowId, Source, TransportName } from '../transaction/flow.ts'
import type { Connections } from './connections.ts'
import type { ConnectionLimits } from './limits.ts'
import type { TlsIdentity, TlsTrust } from './tls.ts'
import type { UdpSip } from './udp.ts'
import type { HandleUpgrade } from './ws.ts'

export type TransportOptions = {
  readonly host: Host
  readonly native: Result<Native, string>
  /** Numeric; `0.0.0.0` and `::` are all of that family. */
  readonly addresses: readonly string[]
  /** Of UDP and TCP alike; 0 takes one that is free for both. */
  readonly port: number
  /** Undefined: no TLS. */
  readonly tls: { readonly port: number; readonly identities: readonly TlsIdentity[] } | undefined
  readonly trust?: TlsTrust
  readonly publicAddress?: string | undefined
  readonly limits?: Partial<ConnectionLimits>
}

export type TransportFailure = {
  readonly transport: TransportName
  readonly address: string
  readonly port: number
  /** EADDRINUSE, EACCES … */
  readonly code: string
}

export type Invalid = { readonly source: Source; readonly error: ParseError }

export interface RunningTransport extends SipTransport {
  /** Bytes that came and were no message. Requests among them have been answered. */
  readonly invalid: Subscribe<Invalid>
  /** Where we listen. */
  readonly listening: readonly LocalAddress[]
  readonly handleUpgrade: HandleUpgrade
  /** New certificates, for connections from now on. */
  present(identities: readonly TlsIdentity[]): Result<void, string>
  closeFlow(flow: FlowId): void
  counts(): TransportCounts
  /** Takes no new connections; those there are, and UDP, live on. */
  drain(): void
  close(): Promise<void>
}

export type TransportCounts = {
  /** Messages, by transport. */
  readonly received: Readonly<Record<TransportName, number>>
  readonly sent: Readonly<Record<TransportName, number>>
  /** Open connections, by transport. */
  readonly connections: ReturnType<Connections['counts']>
  readonly udp: ReturnType<UdpSip['counts']>
  readonly invalid: number
  readonly failed: number
  /** Connections turned away. */
  readonly refused: number
  /** Connections closed because too much was half received on them. */
  readonly overfull: number
}
