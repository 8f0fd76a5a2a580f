//! SIP over everything that is connected: TCP, TLS and WebSocket in one pool.

import type { Host } from '../../base/host.ts'
import type { Result } from '../../base/result.ts'
import type { Millis } from '../../base/time.ts'
import type { SipMessage } from '../message/message.ts'
import { topVia } from '../message/views.ts'
import type { SendFailure } from '../stack/sip-transport.ts'
import type { FlowId, Source, Target } from '../transaction/flow.ts'
import { familyOf } from '../../base/address.ts'
import type { Connection } from './connection.ts'
import type { ConnectionLimits } from './limits.ts'
import { Pool } from './pool.ts'
import type { BrokenFrame } from './stream-wire.ts'
import { dialTcp, listenTcp, type Listening, type ListenFailure, type StreamNeeds } from './tcp.ts'
import { type TlsIdentity, TlsSip, type TlsTrust } from './tls.ts'
import { type HandleUpgrade, WsSip } from './ws.ts'

export type ConnectionsOptions = {
  readonly host: Host
  readonly limits: ConnectionLimits
  readonly trust: TlsTrust
  readonly events: ConnectionsEvents
}

type ConnectionsEvents = {
  /** False when the bytes were no message. */
  onMessage(source: Source, bytes: Uint8Array): boolean
  /** The frame cannot be read to its end; the connection ends with the answer, if there is one. */
  onBroken(source: Source, broken: BrokenFrame): void
  onFailed(failure: SendFailure): void
  onClosed(flow: FlowId): void
  readonly onRefused: (address: string, why: string) => void
}

type Kind = 'tcp' | 'tls'

export class Connections {
  readonly handleUpgrade: HandleUpgrade
  readonly limits: ConnectionLimits
  readonly #options: ConnectionsOptions
  readonly #pool: Pool
  readonly #needs: StreamNeeds
  readonly #tls: TlsSip
  readonly #ws: WsSip
  readonly #listening: Record<Kind, Listening[]> = { tcp: [], tls: [] }

  constructor(options: ConnectionsOptions) {
    const { host, limits, events } = options
    this.#options = options
    this.limits = limits
    this.#pool = new Pool({
      host,
      limits,
      events: {
        onMessage: (connection, bytes) => this.#onMessage(connection, bytes),
        onFailed: (failure) => events.onFailed(failure),
        onClosed: (connection, cause) => {
          const { flow } = connection
          host.log('debug', 'flow.closed', { flow, cause })
          events.onClosed(flow)
        },
      },
    })
    this.#needs = {
      pool: this.#pool,
      log: host.log,
      events: {
        onIntroduced: (connection) => this.#pool.introduced(connection),
        onBroken: (connection, broken) => {
          if (connection.source !== undefined) events.onBroken(connection.source, broken)
          connection.end(broken.reason)
        },
      },
      onRefused: events.onRefused,
    }
    this.#tls = new TlsSip(this.#needs, options.trust)
    this.#ws = new WsSip(this.#needs)
    this.handleUpgrade = this.#ws.handleUpgrade
  }

  async listen(
    kind: Kind,
    address: string,
    port: number,
  ): Promise<Result<Listening, ListenFailure>> {
    const listening = await (kind === 'tcp'
      ? listenTcp(this.#needs, address, port)
      : this.#tls.listen(address, port))
    if (listening.ok) this.#listening[kind].push(listening.value)
    return listening
  }

  present(identities: readonly TlsIdentity[]): Result<void, string> {
    return this.#tls.present(identities)
  }

  /** False when there is no such flow any more. */
  sendOn(flow: FlowId, message: SipMessage, bytes: Uint8Array): boolean {
    const connection = this.#pool.byFlow(flow)
    connection?.send(bytes, message, flow)
    return connection !== undefined
  }

  /** Over a connection that leads there, or a new one. */
  sendTo(target: Target, message: SipMessage, bytes: Uint8Array, patience?: Millis): void {
    const { transport, host } = target
    if (transport !== 'tcp' && transport !== 'tls') {
      const cause = `nobody can be called by ${transport} but on his own connection`
      return this.#options.events.onFailed({ target, message, cause })
    }
    const leading = this.#pool.leadingTo(target)
    if (leading !== undefined) return leading.send(bytes, message, target)
    const from = this.listenerFor(transport, host)?.address
    const dial = {
      target,
      from: from === '0.0.0.0' || from === '::' ? undefined : from,
      patience: patience ?? this.limits.connect,
    }
    const dialled = transport === 'tcp' ? dialTcp(this.#needs, dial) : this.#tls.dial(dial)
    return dialled.send(bytes, message, target)
  }

  /** True when a connection leads there, open or being opened. */
  leadTo(target: Target): boolean {
    return this.#pool.leadingTo(target) !== undefined
  }

  sourceOf(flow: FlowId): Source | undefined {
    return this.#pool.byFlow(flow)?.source
  }

  /** The listener that answers for us where `host` is. */
  listenerFor(kind: Kind, host: string): Listening | undefined {
    const family = familyOf(host)
    return this.#listening[kind].find((each) => familyOf(each.address) === family)
  }

  closeFlow(flow: FlowId, cause: string): void {
    this.#pool.byFlow(flow)?.destroy(cause)
  }

  /** Connections closed because too much was half received. */
  get overfull(): number {
    return this.#pool.overfull
  }

  /** Open connections by transport. */
  counts(): Record<'tcp' | 'tls' | 'ws' | 'wss', number> {
    const counts = { tcp: 0, tls: 0, ws: 0, wss: 0 }
    for (const { source } of this.#pool)
      if (source !== undefined && source.transport !== 'udp') counts[source.transport]++
    return counts
  }

  /** No new connections from outside; those there are live on. */
  drain(): void {
    this.#ws.drain()
    for (const { server } of [...this.#listening.tcp, ...this.#listening.tls]) server.close()
  }

  /** What is queued still goes out, as far as the peers take it within a moment. */
  async close(): Promise<void> {
    this.#ws.drain()
    const servers = [...this.#listening.tcp, ...this.#listening.tls]
    const closed = servers.map(
      ({ server }) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
        }),
    )
    this.#tls.abandonHandshakes()
    await this.#pool.close()
    await Promise.all(closed)
  }

  #onMessage(connection: Connection, bytes: Uint8Array): void {
    const { source } = connection
    if (source === undefined) return
    connection.understood(this.#options.events.onMessage(source, bytes))
  }

  /**
   * RFC 5923: requests for where the peer says it listens may use this connection. Without a
   * client certificate that is believed only of its own address, and only over TCP.
   */
  alias(flow: FlowId, message: SipMessage): void {
    const connection = this.#pool.byFlow(flow)
    if (connection?.source?.transport !== 'tcp' || connection.names.length > 1) return
    const via = topVia(message)
    if (via?.params.has('alias') !== true || via.host !== connection.source.address) return
    this.#pool.name(connection, { transport: 'tcp', host: via.host, port: via.port ?? 5060 })
  }
}
