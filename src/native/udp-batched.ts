//! The hub over the add-on. Datagrams arrive in, and leave from, memory shared with it; see
//! udp-hub.h for the layout.

import { assert } from '../base/assert.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { Lent, Native, NativeHub } from './load.ts'
import {
  BATCH_MAX,
  BUFFER_BYTES,
  DATAGRAM_MAX,
  PEERS_MAX,
  type UdpBatch,
  type UdpCounters,
  type UdpHub,
  type UdpHubOptions,
  type UdpOpenFailure,
  type UdpPeer,
  type UdpSocket,
  type UdpSocketOptions,
} from './udp.ts'

const FRESH = 0x8000_0000
const TX_WORDS = 4
const TX_SLOTS = 256
const TX_BYTES = 512 << 10
const PENDING_BYTES = 4 << 20
const REUSE_PORT = 1
const REPORT_ERRORS = 2
const TIMESTAMPS = 4
const FROM_TX = 0
const FROM_RX = 1
/** Where the add-on counts the failures that wait to be fetched. */
const FAILURES = 6
/** Where it says how long the oldest datagram of the batch has waited. */
const WAITED = 7

export function batchedHub<Context>(
  native: Native,
  options: UdpHubOptions<Context>,
): UdpHub<Context> {
  return new BatchedHub(native, options)
}

class BatchedHub<Context> implements UdpHub<Context>, UdpBatch<Context> {
  readonly kind = 'batched'
  /** Of the batch at hand. */
  count = 0
  readonly #native: Native
  readonly #options: UdpHubOptions<Context>
  readonly #lent: Lent
  readonly #hub: NativeHub
  readonly #sockets: (UdpSocket | undefined)[] = []
  readonly #peers: Peer<Context>[] = []
  readonly #batchPeers: Peer<Context>[] = []
  readonly #flushLater: () => void
  #txBytes = 0
  #lastLocal = ''
  #inBatch = false
  #flushing = false
  #open = true

  constructor(native: Native, options: UdpHubOptions<Context>) {
    this.#native = native
    this.#options = options
    this.#lent = lend(options)
    this.#hub = native.udpOpen(this.#lent, (count) => this.#onBatch(count))
    this.#flushLater = () => {
      this.#flushing = false
      this.flush()
      this.#report()
    }
  }

  open(options: UdpSocketOptions): Promise<Result<UdpSocket, UdpOpenFailure>> {
    return Promise.resolve(this.#bind(options))
  }

  peer(socket: UdpSocket, address: string, port: number, local = ''): Peer<Context> | undefined {
    if (this.#sockets[socket.id] !== socket) return undefined
    const slot = this.#native.udpPeer(this.#hub, socket.id, address, port, local)
    return slot === -1 ? undefined : this.#peerAt(slot)
  }

  send(peer: UdpPeer<Context>, bytes: Uint8Array): void {
    const { length } = bytes
    assert(length <= DATAGRAM_MAX, 'a datagram holds at most 65,535 bytes')
    const current = this.#current(peer)
    if (current === undefined) return
    const { tx, txSlab } = this.#lent
    if (this.#txBytes + length > TX_BYTES || tx[0] === TX_SLOTS) this.flush()
    if (tx[0] === 0) this.#txBytes = 0
    txSlab.set(bytes, this.#txBytes)
    this.#queue(current.slot, FROM_TX, this.#txBytes, length)
    this.#txBytes += length
  }

  forward(batch: UdpBatch<Context>, index: number, peer: UdpPeer<Context>): void {
    assert(batch === this && this.#inBatch, 'only a datagram of the batch at hand is forwarded')
    const current = this.#current(peer)
    if (current === undefined) return
    if (this.#lent.tx[0] === TX_SLOTS) this.flush()
    const length = this.#lent.rx[2 * index + 1] ?? 0
    this.#queue(current.slot, FROM_RX, index * this.#lent.stride, length)
  }

  flush(): void {
    if (!this.#open || this.#lent.tx[0] === 0) return
    this.#native.udpFlush(this.#hub)
    this.#txBytes = 0
    if (this.#lent.counters[FAILURES] !== 0) this.#later()
  }

  from(index: number): Peer<Context> {
    const peer = this.#batchPeers[index]
    assert(peer !== undefined && index < this.count, 'no such datagram in the batch')
    return peer
  }

  get waited(): number {
    return this.#lent.counters[WAITED] ?? 0
  }

  slab(): Buffer {
    return this.#lent.rxSlab
  }

  start(index: number): number {
    return index * this.#lent.stride
  }

  end(index: number): number {
    return index * this.#lent.stride + (this.#lent.rx[2 * index + 1] ?? 0)
  }

  bytes(index: number): Buffer {
    return this.#lent.rxSlab.subarray(this.start(index), this.end(index))
  }

  counters(): UdpCounters {
    const [
      received = 0,
      sent = 0,
      receiveCalls = 0,
      sendCalls = 0,
      truncated = 0,
      sendDropped = 0,
    ] = this.#lent.counters
    return { received, sent, receiveCalls, sendCalls, truncated, sendDropped }
  }

  close(): Promise<void> {
    if (this.#open) {
      this.flush()
      this.#open = false
      this.#sockets.length = 0
      this.#native.udpCloseAll(this.#hub)
    }
    return Promise.resolve()
  }

  #bind(options: UdpSocketOptions): Result<UdpSocket, UdpOpenFailure> {
    const { address, port, bufferBytes = BUFFER_BYTES } = options
    if (!this.#open) return err({ code: 'ESHUTDOWN', address, port })
    const reuse = options.reusePort === true ? REUSE_PORT : 0
    const report = options.reportErrors === true ? REPORT_ERRORS : 0
    const stamp = options.timestamps === true ? TIMESTAMPS : 0
    const flags = reuse | report | stamp
    const bound = this.#native.udpBind(this.#hub, address, port, flags, bufferBytes)
    if (typeof bound === 'string') return err({ code: bound, address, port })
    const [id, taken] = bound
    const socket: UdpSocket = {
      id,
      address,
      port: taken,
      backlog: () => this.#backlog(socket),
      close: () => this.#close(socket),
    }
    this.#sockets[id] = socket
    return ok(socket)
  }

  #close(socket: UdpSocket): void {
    if (this.#sockets[socket.id] !== socket) return
    this.#sockets[socket.id] = undefined
    this.#native.udpClose(this.#hub, socket.id)
  }

  #backlog(socket: UdpSocket): { bytes: number; dropped: number } | undefined {
    if (this.#sockets[socket.id] !== socket) return undefined
    const [bytes, dropped] = this.#native.udpBacklog(this.#hub, socket.id)
    return { bytes, dropped }
  }

  #onBatch(count: number): void {
    const { rx } = this.#lent
    for (let index = 0; index < count; index++)
      this.#batchPeers[index] = this.#peerAt(rx[2 * index] ?? 0)
    this.count = count
    this.#inBatch = true
    try {
      if (count > 0) this.#options.onBatch(this)
    } finally {
      this.#inBatch = false
      this.count = 0
    }
    this.#report()
  }

  /** The peer in a slot; the add-on has set bit 31 when another had it before. */
  #peerAt(flagged: number): Peer<Context> {
    const slot = flagged & ~FRESH
    const known = this.#peers[slot]
    if (flagged < FRESH && known !== undefined) return known
    const described = this.#native.udpDescribe(this.#hub, slot)
    assert(described !== undefined, 'the add-on named a peer that it does not know')
    const [id, address, port, local] = described
    const socket = this.#sockets[id]
    assert(socket !== undefined, 'the add-on named a socket that is closed')
    if (known !== undefined && this.#sockets[known.socket.id] === known.socket)
      this.#options.onForgotten?.(known)
    const peer = new Peer<Context>(slot, socket, address, port, this.#localText(socket, local))
    this.#peers[slot] = peer
    return peer
  }

  /** One string for all peers of one local address. */
  #localText({ address }: UdpSocket, local: string): string {
    if (address !== '0.0.0.0' && address !== '::') return address
    if (local !== this.#lastLocal) this.#lastLocal = local
    return this.#lastLocal
  }

  /** The same peer, or, when it was pushed out meanwhile, its successor. */
  #current(peer: UdpPeer<Context>): UdpPeer<Context> | undefined {
    if (this.#sockets[peer.socket.id] !== peer.socket) return undefined
    if (this.#peers[peer.slot] === peer) return peer
    return this.peer(peer.socket, peer.address, peer.port, peer.localAddress)
  }

  #queue(slot: number, source: number, offset: number, length: number): void {
    const { tx } = this.#lent
    const count = tx[0] ?? 0
    const at = 1 + count * TX_WORDS
    tx[at] = slot
    tx[at + 1] = source
    tx[at + 2] = offset
    tx[at + 3] = length
    tx[0] = count + 1
    if (!this.#inBatch) this.#later()
  }

  #later(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(this.#flushLater)
  }

  #report(): void {
    if (!this.#open || this.#lent.counters[FAILURES] === 0) return
    for (const [id, address, port, code] of this.#native.udpFailures(this.#hub)) {
      const socket = this.#sockets[id]
      if (socket !== undefined) this.#options.onFailure({ socket, address, port, code })
    }
  }
}

class Peer<Context> implements UdpPeer<Context> {
  readonly slot: number
  readonly socket: UdpSocket
  readonly address: string
  readonly port: number
  readonly localAddress: string
  context: Context | undefined

  constructor(slot: number, socket: UdpSocket, address: string, port: number, local: string) {
    this.slot = slot
    this.socket = socket
    this.address = address
    this.port = port
    this.localAddress = local
    this.context = undefined
  }
}

function lend<Context>(options: UdpHubOptions<Context>): Lent {
  const slots = options.batchMax ?? BATCH_MAX
  // An odd number of cache lines: at a power of two all datagrams would share one cache set.
  const lines = Math.ceil((options.datagramMax ?? DATAGRAM_MAX) / 64)
  const stride = (lines | 1) * 64
  return {
    rxSlab: Buffer.alloc(slots * stride),
    rx: new Uint32Array(2 * slots),
    txSlab: Buffer.alloc(TX_BYTES),
    tx: new Uint32Array(1 + TX_WORDS * TX_SLOTS),
    counters: new Float64Array(8),
    slots,
    stride,
    txSlots: TX_SLOTS,
    peerMax: Math.max(options.peersMax ?? PEERS_MAX, 2 * slots),
    pendingMax: PENDING_BYTES,
  }
}
