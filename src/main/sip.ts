//! SIP, composed: sockets, name resolution, transactions, and the ladder recorder's tap.

import { performance } from 'node:perf_hooks'
import type { Host } from '../base/host.ts'
import type { Config } from '../config/config.ts'
import { ConfigFault } from '../config/data-directory.ts'
import type { Installation } from '../config/installation.ts'
import { portFault } from '../http/errors.ts'
import type { TracedMessage } from '../console/system-view.ts'
import { loadNative } from '../native/load.ts'
import { LadderRecorder } from '../observe/ladder-recorder.ts'
import type { Metrics } from '../observe/metrics.ts'
import { createSipStack, type MessageTap, type RunnableSipStack } from '../sip/stack.ts'
import type { FlowId, Source, Target, TransportName } from '../sip/transaction/flow.ts'
import { udpEnds } from '../sip/transport/flow-id.ts'
import { openLocator } from '../sip/transport/locate-host.ts'
import type { RunningTransport, TransportFailure } from '../sip/transport/running-transport.ts'
import type { TlsIdentity } from '../sip/transport/tls.ts'
import { openTransport } from '../sip/transport/transport.ts'

export type Sip = {
  readonly stack: RunnableSipStack
  readonly transport: RunningTransport
  readonly port: (transport: TransportName) => number
  readonly messagesOf: (sipCallIds: readonly string[]) => readonly TracedMessage[]
  /** Call-IDs of every leg of a call, up or ended, as far as its messages are still held. */
  readonly sipCallIdsOf: (call: string) => readonly string[]
  readonly close: () => Promise<void>
}

export type SipOptions = {
  readonly config: Config
  /** To listen on; at least one. */
  readonly addresses: readonly string[]
  readonly installation: Installation
  readonly host: Host
  readonly metrics: Metrics
  readonly identity: TlsIdentity
  /** Another node answers at these addresses when this one is gone. */
  readonly hasSuccessor: boolean
}

export async function openSip(options: SipOptions): Promise<Sip> {
  const { config, addresses, installation, host, metrics, identity, hasSuccessor } = options
  const { native } = installation
  const opened = await openTransport({
    host,
    native: native.ok ? loadNative(native.value) : native,
    addresses,
    port: config.sipPort,
    tls: { port: config.sipTlsPort, identities: [identity] },
    publicAddress: config.publicAddress,
  })
  if (!opened.ok) throw faultOf(opened.error)
  const transport = opened.value
  const families = addresses.map((address) => (address.includes(':') ? 6 : 4))
  const locator = openLocator({ host, families })
  const ladder = new Ladder(config.traceBytes, host)
  transport.flowClosed((flow) => ladder.forget(flow))
  const stack = createSipStack({
    host,
    transport,
    resolve: locator.resolve,
    onMessage: ladder.tap,
    busy: loopBusy(),
    hasSuccessor,
  })
  measure(metrics, stack, transport)
  const bound = new Map(transport.listening.map((each) => [each.transport, each.port]))
  return {
    stack,
    transport,
    port: (name) => bound.get(name) ?? 0,
    messagesOf: (ids) => ladder.messagesOf(ids),
    sipCallIdsOf: (call) => ladder.sipCallIdsOf(call),
    async close() {
      locator.close()
      await transport.close()
    },
  }
}

function faultOf({ transport, address, port, code }: TransportFailure): Error {
  const option = transport === 'tls' ? 'sip-tls-port' : 'sip-port'
  const protocol = transport === 'udp' ? 'UDP' : 'TCP'
  const fault = portFault(code, { protocol, address, port, option })
  const where = `${address}:${port}`
  return fault ?? new ConfigFault(`SIP over ${transport} cannot listen on ${where}: ${code}`)
}

/** Share of the time since it was asked last that the event loop was not idle. */
function loopBusy(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization
  }
}

/** Registrations come in such numbers that calls would be pushed out of one common ring. */
const OTHERS_SHARE = 0.25

type Peer = Source | FlowId | Target

class Ladder {
  readonly #host: Host
  readonly #calls: LadderRecorder<Peer>
  readonly #others: LadderRecorder<Peer>
  /** Who is at the other end of a connection: its id does not tell. */
  readonly #connected = new Map<FlowId, Source>()

  constructor(bytesMax: number, host: Host) {
    this.#host = host
    this.#others = new LadderRecorder(Math.floor(bytesMax * OTHERS_SHARE))
    this.#calls = new LadderRecorder(Math.ceil(bytesMax * (1 - OTHERS_SHARE)))
  }

  readonly tap: MessageTap = (direction, peer, message, bytes) => {
    const method = message.kind === 'request' ? message.method : methodOfAnswer(message.headers)
    const ring = method === 'REGISTER' || method === 'OPTIONS' ? this.#others : this.#calls
    const sipCallId = message.headers.get('call-id') ?? ''
    ring.record({ at: this.#host.wall(), direction, peer: this.#far(peer), sipCallId, bytes })
  }

  messagesOf(sipCallIds: readonly string[]): readonly TracedMessage[] {
    const found = [this.#calls, this.#others].flatMap((ring) => ring.messagesOf(sipCallIds))
    const readable = (text: string): string => Buffer.from(text, 'latin1').toString()
    return found
      .toSorted((a, b) => a.at - b.at)
      .map((each) => ({ ...each, peer: nameOf(each.peer), text: readable(each.text) }))
  }

  /** Every tag of ours begins with the id of its call. */
  sipCallIdsOf(call: string): readonly string[] {
    return /^[0-9a-z]+$/.test(call) ? [...this.#calls.sipCallIdsWith(`tag=${call}-`)] : []
  }

  forget(flow: FlowId): void {
    this.#connected.delete(flow)
  }

  /** What tells the other end even when the connection is gone, made anew for no message. */
  #far(peer: Peer): Peer {
    if (typeof peer === 'string') return this.#connected.get(peer) ?? peer
    if ('flow' in peer && peer.transport !== 'udp') this.#connected.set(peer.flow, peer)
    return peer
  }
}

/** `udp 192.0.2.7:5060` */
function nameOf(peer: Peer): string {
  if (typeof peer === 'string') {
    const ends = udpEnds(peer)
    return ends === undefined ? peer : `udp ${ends.address}:${ends.port}`
  }
  const address = 'flow' in peer ? peer.address : peer.host
  return `${peer.transport} ${address}:${peer.port}`
}

function methodOfAnswer(headers: { get(name: string): string | undefined }): string {
  const value = headers.get('cseq') ?? ''
  return value.slice(value.lastIndexOf(' ') + 1)
}

function measure(metrics: Metrics, stack: RunnableSipStack, transport: RunningTransport): void {
  const { counters } = stack
  metrics.countedBy('sip_events_total', 'What the SIP stack did, by kind.', 'kind', () => {
    return { ...counters }
  })
  metrics.countedBy('sip_received_total', 'Messages received, by transport.', 'transport', () => {
    return transport.counts().received
  })
  metrics.countedBy('sip_sent_total', 'Messages sent, by transport.', 'transport', () => {
    return transport.counts().sent
  })
  metrics.countedBy('sip_datagrams_total', 'What came of UDP datagrams, by kind.', 'kind', () => {
    const { received, sent, truncated, sendDropped, kernelDropped, stun, keepAlives } =
      transport.counts().udp
    return { received, sent, truncated, sendDropped, kernelDropped, stun, keepAlives }
  })
  metrics.countedBy(
    'sip_unread_total',
    'What came and was no message, or not in time for its size.',
    'kind',
    () => {
      const { invalid, overfull } = transport.counts()
      return { invalid, overfull }
    },
  )
  metrics.gaugeBy('sip_transactions', 'Transactions that are alive.', 'side', () => {
    return { client: stack.size.clients, server: stack.size.servers }
  })
  metrics.gauge('sip_refusing_share', 'New requests that overload control refuses, 0 to 1.', () => {
    return stack.refusing
  })
}
