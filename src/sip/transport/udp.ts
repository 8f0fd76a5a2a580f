//! SIP over UDP: listeners, flows and their ids, STUN and keep-alives on the same port. The hot
//! path of the product: a datagram costs one copy, one parse and no look-up.

import type { Log } from '../../base/host.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { millis, type Millis } from '../../base/time.ts'
import type { Native } from '../../native/load.ts'
import { udpHub } from '../../native/udp-hub.ts'
import type {
  UdpBatch,
  UdpFailure,
  UdpHub,
  UdpOpenFailure,
  UdpPeer,
  UdpSocket,
} from '../../native/udp.ts'
import type { FlowId, Source, Target } from '../transaction/flow.ts'
import { addressBytes, familyOf } from '../../base/address.ts'
import { udpEnds, udpFlowId } from './flow-id.ts'
import { answerStun, looksLikeStun } from './stun.ts'

type UdpEvents = {
  /** `waited` in the kernel; undefined when the hub cannot tell. */
  onMessage(source: Source, bytes: Uint8Array, waited: Millis | undefined): void
  /** ICMP or the kernel: nothing gets there. */
  onUnreachable(target: Target, cause: string): void
}

export type UdpSipOptions = {
  readonly native: Result<Native, string>
  readonly log: Log
  readonly events: UdpEvents
  /** The address that reaches `host`, for sockets bound to all. */
  readonly route: (host: string) => string
}

export type UdpSipCounters = {
  keepAlives: number
  stun: number
}

const CR = 0x0d
const LF = 0x0a
const PRINTABLE_FROM = 0x21

export class UdpSip {
  readonly counters: UdpSipCounters = { keepAlives: 0, stun: 0 }
  readonly #options: UdpSipOptions
  readonly #hub: UdpHub<Source>
  readonly #sockets: UdpSocket[] = []
  /** Of every peer that was heard or asked for; bounded by what the hub remembers. */
  readonly #flows = new Map<FlowId, UdpPeer<Source>>()

  constructor(options: UdpSipOptions) {
    this.#options = options
    this.#hub = udpHub(options.native, 'sip', options.log, {
      onBatch: (batch) => this.#onBatch(batch),
      onFailure: (failure) => this.#onFailure(failure),
      onForgotten: (peer) => {
        if (peer.context !== undefined) this.#flows.delete(peer.context.flow)
      },
    })
  }

  get kind(): 'batched' | 'dgram' {
    return this.#hub.kind
  }

  get sockets(): readonly UdpSocket[] {
    return this.#sockets
  }

  async listen(address: string, port: number): Promise<Result<UdpSocket, UdpOpenFailure>> {
    const opened = await this.#hub.open({ address, port, reportErrors: true, timestamps: true })
    if (!opened.ok) return err(opened.error)
    this.#sockets.push(opened.value)
    return ok(opened.value)
  }

  /** False when the flow was never one of this host, or its listener is gone. */
  sendOn(flow: FlowId, bytes: Uint8Array): boolean {
    const peer = this.#flows.get(flow) ?? this.#restored(flow)
    if (peer === undefined) return false
    this.#hub.send(peer, bytes)
    return true
  }

  /** False when no listener is of the target's family. */
  sendTo(target: Target, bytes: Uint8Array): boolean {
    const peer = this.#peerAt(target.host, target.port)
    if (peer === undefined) return false
    this.#hub.send(peer, bytes)
    return true
  }

  sourceOf(flow: FlowId): Source | undefined {
    const peer = this.#flows.get(flow) ?? this.#restored(flow)
    return peer === undefined ? undefined : this.#source(peer)
  }

  /** The listener that would send to `host`. */
  listenerFor(host: string): UdpSocket | undefined {
    const family = familyOf(host)
    const able = this.#sockets.filter((socket) => familyOf(socket.address) === family)
    if (able.length < 2) return able[0]
    const local = this.#options.route(host)
    return able.find((socket) => socket.address === local) ?? able.find(isWildcard) ?? able[0]
  }

  counts() {
    const flows = this.#flows.size
    const backlog = this.#sockets.map((socket) => socket.backlog())
    return {
      ...this.#hub.counters(),
      ...this.counters,
      flows,
      backlogBytes: backlog.reduce((sum, each) => sum + (each?.bytes ?? 0), 0),
      kernelDropped: backlog.reduce((sum, each) => sum + (each?.dropped ?? 0), 0),
    }
  }

  close(): Promise<void> {
    this.#flows.clear()
    return this.#hub.close()
  }

  #onBatch(batch: UdpBatch<Source>): void {
    const { events } = this.#options
    const waited = this.kind === 'batched' ? millis(batch.waited) : undefined
    for (let index = 0; index < batch.count; index++) {
      const start = batch.start(index)
      const length = batch.end(index) - start
      const slab = batch.slab(index)
      const first = slab[start] ?? 0
      const peer = batch.from(index)
      if (length === 0 || (first < PRINTABLE_FROM && this.#isKeepAlive(batch, index))) continue
      // The batch's memory is used again; the message and its body live on in this copy.
      const bytes = Buffer.allocUnsafe(length)
      slab.copy(bytes, 0, start, start + length)
      events.onMessage(this.#source(peer), bytes, waited)
    }
  }

  /** Whatever begins with a control: STUN, empty lines and lone zeros of phones behind NAT. */
  #isKeepAlive(batch: UdpBatch<Source>, index: number): boolean {
    const bytes = batch.bytes(index)
    const peer = batch.from(index)
    const first = bytes[0] ?? 0
    if (looksLikeStun(first) && bytes.length >= 20) {
      const address = addressBytes(peer.address)
      const answer = address === undefined ? undefined : answerStun(bytes, address, peer.port)
      if (answer !== undefined) this.#hub.send(peer, answer)
      this.counters.stun++
      return true
    }
    // Empty lines in front of a message are none of ours to drop (RFC 3261 §7.5).
    const isMessage = bytes.some((byte) => byte >= PRINTABLE_FROM)
    if (isMessage && (first === CR || first === LF)) return false
    this.counters.keepAlives++
    return true
  }

  #onFailure({ address, port, code }: UdpFailure): void {
    // Too long for a router on the way: the kernel has learnt it, the next try is cut smaller.
    if (code === 'EMSGSIZE') return
    this.#options.events.onUnreachable({ transport: 'udp', host: address, port }, code)
  }

  #peerAt(host: string, port: number): UdpPeer<Source> | undefined {
    const socket = this.listenerFor(host)
    if (socket === undefined) return undefined
    const local = isWildcard(socket) ? this.#options.route(host) : ''
    return this.#hub.peer(socket, host, port, local)
  }

  #restored(flow: FlowId): UdpPeer<Source> | undefined {
    const ends = udpEnds(flow)
    if (ends === undefined) return undefined
    const { address, port, localAddress, localPort } = ends
    const family = familyOf(address)
    const socket = this.#sockets.find(
      (each) =>
        each.port === localPort &&
        familyOf(each.address) === family &&
        (each.address === localAddress || isWildcard(each)),
    )
    if (socket === undefined) return undefined
    const peer = this.#hub.peer(socket, address, port, localAddress)
    if (peer !== undefined) this.#source(peer)
    return peer
  }

  #source(peer: UdpPeer<Source>): Source {
    return (peer.context ??= this.#newSource(peer))
  }

  #newSource(peer: UdpPeer<Source>): Source {
    const { address, port, socket } = peer
    const localAddress = peer.localAddress === '' ? this.#options.route(address) : peer.localAddress
    const localPort = socket.port
    const flow = udpFlowId({ localAddress, localPort, address, port })
    this.#flows.set(flow, peer)
    return { flow, transport: 'udp', address, port, localAddress, localPort }
  }
}

function isWildcard(socket: UdpSocket): boolean {
  return socket.address === '0.0.0.0' || socket.address === '::'
}
