//! The network as the stack sees it: RFC 3261 §18 on real sockets.
//!
//!     UdpSip ───────────┐                       ┌── received, failed, flowClosed ──> stack
//!     Connections ──────┼── arrival (parse, ────┤
//!       TCP, TLS, WS    │   received, rport)    └── invalid ──> log, metrics
//!     Routes ───────────┘        send, localAddress <── stack

import type { Host } from '../../base/host.ts'
import { Lru } from '../../base/lru.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { after, millis, type Millis } from '../../base/time.ts'
import type { SipMessage } from '../message/message.ts'
import type { ParseError } from '../message/parse.ts'
import { serialize } from '../message/serialize.ts'
import { topVia } from '../message/views.ts'
import type { LocalAddress, Received, SendFailure } from '../stack/sip-transport.ts'
import type { FlowId, Source, Target } from '../transaction/flow.ts'
import { responseRoute } from '../transaction/response-route.ts'
import { answerToBroken, arrive, type Arrival } from './arrival.ts'
import { BySize, DATAGRAM_SAFE } from './by-size.ts'
import { Connections } from './connections.ts'
import { isUdpFlow } from './flow-id.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { Routes } from './routes.ts'
import type {
  Invalid,
  RunningTransport,
  TransportCounts,
  TransportFailure,
  TransportOptions,
} from './running-transport.ts'
import { Signal } from './signal.ts'
import type { BrokenFrame } from './stream-wire.ts'
import type { TlsIdentity, TlsTrust } from './tls.ts'
import { UdpSip } from './udp.ts'
import type { HandleUpgrade } from './ws.ts'

/** ICMP errors of one address told at most once in this time: a flood of them tells no more. */
const UNREACHABLE_AGAIN: Millis = millis(500)
const UNREACHABLE_REMEMBERED = 1024
/** Tries to find one port that is free for UDP and TCP alike. */
const PORT_TRIES = 20
const SYSTEM_TRUST: TlsTrust = { authorities: [], verify: true }

/** Listens on everything it is asked to, or on nothing. */
export async function openTransport(
  options: TransportOptions,
): Promise<Result<RunningTransport, TransportFailure>> {
  for (let tries = 1; ; tries++) {
    const transport = new Transport(options)
    const failure = await transport.listen()
    if (failure === undefined) return ok(transport)
    await transport.close()
    const again = options.port === 0 && failure.code === 'EADDRINUSE' && tries < PORT_TRIES
    if (!again) return err(failure)
  }
}

class Transport implements RunningTransport {
  readonly handleUpgrade: HandleUpgrade
  readonly listening: LocalAddress[] = []
  readonly #options: TransportOptions
  readonly #host: Host
  readonly #received = new Signal<Received>()
  readonly #failed = new Signal<SendFailure>()
  readonly #flowClosed = new Signal<FlowId>()
  readonly #invalid = new Signal<Invalid>()
  readonly received = this.#received.subscribe
  readonly failed = this.#failed.subscribe
  readonly flowClosed = this.#flowClosed.subscribe
  readonly invalid = this.#invalid.subscribe
  readonly #routes: Routes
  readonly #udp: UdpSip
  readonly #connections: Connections
  readonly #arrival: Arrival
  readonly #bySize = new BySize()
  readonly #unreachable = new Lru<string, Millis>(UNREACHABLE_REMEMBERED)
  readonly #counts = {
    received: { udp: 0, tcp: 0, tls: 0, ws: 0, wss: 0 },
    sent: { udp: 0, tcp: 0, tls: 0, ws: 0, wss: 0 },
    invalid: 0,
    failed: 0,
    refused: 0,
  }

  constructor(options: TransportOptions) {
    const { host, native, publicAddress } = options
    this.#options = options
    this.#host = host
    this.#routes = new Routes({
      host,
      native: native.ok ? native.value : undefined,
      publicAddress,
    })
    this.#arrival = {
      onReceived: (received) => this.#onReceived(received),
      onInvalid: (source, error, answer) => this.#onInvalid(source, error, answer),
    }
    this.#udp = new UdpSip({
      native,
      log: host.log,
      route: this.#routes.local,
      events: {
        onMessage: (source, bytes, waited) => void arrive(this.#arrival, source, bytes, waited),
        onUnreachable: (target, cause) => this.#onUnreachable(target, cause),
      },
    })
    this.#connections = new Connections({
      host,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      trust: options.trust ?? SYSTEM_TRUST,
      events: {
        onMessage: (source, bytes) => arrive(this.#arrival, source, bytes),
        onBroken: (source, broken) => this.#onBroken(source, broken),
        onFailed: (failure) => this.#onFailed(failure),
        onClosed: (flow) => queueMicrotask(() => this.#flowClosed.emit(flow)),
        onRefused: (address, why) => {
          this.#counts.refused++
          host.log('debug', 'connection.refused', { address, why })
        },
      },
    })
    this.handleUpgrade = this.#connections.handleUpgrade
  }

  /** What is in the way, if anything. */
  async listen(): Promise<TransportFailure | undefined> {
    let { port } = this.#options
    for (const address of this.#options.addresses) {
      const udp = await this.#udp.listen(address, port)
      if (!udp.ok) return { ...udp.error, transport: 'udp' }
      ;({ port } = udp.value)
      const tcp = await this.#connections.listen('tcp', address, port)
      if (!tcp.ok) return { ...tcp.error, transport: 'tcp' }
      this.listening.push({ transport: 'udp', address, port }, { transport: 'tcp', address, port })
    }
    return this.#listenTls()
  }

  send(to: FlowId | Target, message: SipMessage, bytes = serialize(message)): void {
    if (typeof to !== 'string') return this.#sendTo(to, message, bytes)
    const overUdp = isUdpFlow(to)
    const sent = overUdp
      ? this.#udp.sendOn(to, bytes)
      : this.#connections.sendOn(to, message, bytes)
    if (!sent) return this.#fail({ target: to, message, cause: 'no such flow' })
    if (overUdp) this.#counts.sent.udp++
    return undefined
  }

  localAddress(to: FlowId | Target): LocalAddress | undefined {
    return typeof to === 'string' ? this.#localOfFlow(to) : this.#localFor(to)
  }

  present(identities: readonly TlsIdentity[]): Result<void, string> {
    return this.#connections.present(identities)
  }

  closeFlow(flow: FlowId): void {
    this.#connections.closeFlow(flow, 'closed by us')
  }

  counts(): TransportCounts {
    const { overfull } = this.#connections
    const connections = this.#connections.counts()
    return { ...this.#counts, overfull, connections, udp: this.#udp.counts() }
  }

  drain(): void {
    this.#connections.drain()
  }

  async close(): Promise<void> {
    await this.#connections.close()
    await this.#udp.close()
  }

  async #listenTls(): Promise<TransportFailure | undefined> {
    const { tls, addresses } = this.#options
    if (tls === undefined) return undefined
    const [address = ''] = addresses
    const presented = this.#connections.present(tls.identities)
    if (!presented.ok) return { transport: 'tls', address, port: tls.port, code: presented.error }
    let { port } = tls
    for (const each of addresses) {
      const listening = await this.#connections.listen('tls', each, port)
      if (!listening.ok) return { ...listening.error, transport: 'tls' }
      ;({ port } = listening.value)
      this.listening.push({ transport: 'tls', address: each, port })
    }
    return undefined
  }

  #sendTo(target: Target, message: SipMessage, bytes: Uint8Array): void {
    if (target.transport !== 'udp') {
      this.#counts.sent[target.transport]++
      return this.#connections.sendTo(target, message, bytes)
    }
    if (bytes.length > DATAGRAM_SAFE && this.#sentOverTcp(target, message, bytes)) return undefined
    return this.#sendDatagram(target, message, bytes)
  }

  #sendDatagram(target: Target, message: SipMessage | undefined, bytes: Uint8Array): void {
    if (this.#udp.sendTo(target, bytes)) this.#counts.sent.udp++
    else this.#fail(failure(target, 'no UDP listener of this family', message))
  }

  #sentOverTcp(target: Target, message: SipMessage, bytes: Uint8Array): boolean {
    if (message.kind !== 'request') return false
    const local = this.#localFor({ ...target, transport: 'tcp' })
    const original = { target, bytes, message }
    const switched = this.#bySize.overTcp(original, local, this.#host.now())
    if (switched === undefined) return false
    // A retransmission: TCP does that by itself, as long as the connection lives.
    if (switched.sent && this.#connections.leadTo(switched.target)) return true
    switched.sent = true
    this.#counts.sent.tcp++
    const patience = this.#connections.limits.connectForSize
    this.#connections.sendTo(switched.target, switched.message, switched.bytes, patience)
    return true
  }

  #localOfFlow(flow: FlowId): LocalAddress | undefined {
    const source = isUdpFlow(flow) ? this.#udp.sourceOf(flow) : this.#connections.sourceOf(flow)
    if (source === undefined) return undefined
    const { transport, address: host, localAddress, localPort } = source
    const address = this.#routes.advertised(localAddress, host)
    const listener =
      transport === 'tcp' || transport === 'tls'
        ? this.#connections.listenerFor(transport, host)
        : undefined
    return { transport, address, port: listener?.port ?? localPort }
  }

  #localFor({ transport, host }: Target): LocalAddress | undefined {
    if (transport === 'ws' || transport === 'wss') return undefined
    const listener =
      transport === 'udp'
        ? this.#udp.listenerFor(host)
        : this.#connections.listenerFor(transport, host)
    if (listener === undefined) return undefined
    const { address: bound, port } = listener
    const local = bound === '0.0.0.0' || bound === '::' ? this.#routes.local(host) : bound
    return { transport, address: this.#routes.advertised(local, host), port }
  }

  #onReceived(received: Received): void {
    const { source, message } = received
    this.#counts.received[source.transport]++
    if (source.transport === 'tcp' && message.kind === 'request')
      this.#connections.alias(source.flow, message)
    this.#received.emit(received)
  }

  #onInvalid(source: Source, error: ParseError, answer: SipMessage | undefined): void {
    this.#counts.invalid++
    this.#host.log('debug', 'message.invalid', {
      from: `${source.transport}:${source.address}:${source.port}`,
      rule: error.rule,
      answered: answer?.kind === 'response' ? answer.status : undefined,
    })
    this.#invalid.emit({ source, error })
    this.#answer(source, answer)
  }

  #onBroken(source: Source, broken: BrokenFrame): void {
    const { reason: rule } = broken
    const answer = answerToBroken(source, broken)
    this.#onInvalid(source, { offset: 0, rule, status: undefined, partial: undefined }, answer)
  }

  #answer(source: Source, answer: SipMessage | undefined): void {
    if (answer?.headers.has('via') !== true) return
    this.send(responseRoute(source, topVia(answer)), answer)
  }

  #onUnreachable(target: Target, cause: string): void {
    const now = this.#host.now()
    const name = `${target.host} ${target.port}`
    if ((this.#unreachable.get(name) ?? now) > now) return
    this.#unreachable.set(name, after(now, UNREACHABLE_AGAIN))
    this.#fail({ target, cause })
  }

  #onFailed(failed: SendFailure): void {
    const { message } = failed
    const original = message && this.#bySize.failed(message, this.#host.now())
    if (original === undefined) return this.#fail(failed)
    return this.#sendDatagram(original.target, original.message, original.bytes)
  }

  /** Never before `send` has returned. */
  #fail(failed: SendFailure): void {
    this.#counts.failed++
    queueMicrotask(() => this.#failed.emit(failed))
  }
}

function failure(target: Target, cause: string, message: SipMessage | undefined): SendFailure {
  return message === undefined ? { target, cause } : { target, cause, message }
}
