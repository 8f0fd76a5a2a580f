//! The hub over plain Node sockets, for hosts where the add-on could not be built. The same
//! promises, without batches, ICMP errors and the local address of a wildcard socket.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { isIP } from 'node:net'
import { err, ok, type Result } from '../base/result.ts'
import {
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

/** Bytes a socket may hold back when the kernel's buffer is full. */
const PENDING_BYTES = 4 << 20

export function dgramHub<Context>(options: UdpHubOptions<Context>): UdpHub<Context> {
  return new DgramHub(options)
}

class DgramHub<Context> implements UdpHub<Context> {
  readonly kind = 'dgram'
  readonly #options: UdpHubOptions<Context>
  readonly #sockets: (DgramSocket | undefined)[] = []
  /** By socket, address and port, least lately used first. */
  readonly #peers = new Map<string, UdpPeer<Context>>()
  readonly #batch = new Single<Context>()
  #open = true
  #slot = 0
  #received = 0
  #sent = 0
  #truncated = 0
  #sendDropped = 0

  constructor(options: UdpHubOptions<Context>) {
    this.#options = options
  }

  async open(options: UdpSocketOptions): Promise<Result<UdpSocket, UdpOpenFailure>> {
    const { address, port } = options
    if (!this.#open) return err({ code: 'ESHUTDOWN', address, port })
    const free = this.#sockets.indexOf(undefined)
    const id = free === -1 ? this.#sockets.length : free
    const socket = new DgramSocket(id, options, {
      onMessage: (bytes, from) => this.#onMessage(socket, bytes, from),
      onClose: () => this.#onClose(socket),
    })
    this.#sockets[id] = socket
    const failure = await socket.bind()
    if (failure === undefined) return ok(socket)
    this.#sockets[id] = undefined
    return err({ code: failure, address, port })
  }

  peer(socket: UdpSocket, address: string, port: number): UdpPeer<Context> | undefined {
    const own = this.#sockets[socket.id]
    if (own !== socket || isIP(address) !== own.family) return undefined
    const key = `${socket.id}|${port}|${address}`
    const known = this.#peers.get(key)
    if (known !== undefined) {
      this.#peers.delete(key)
      this.#peers.set(key, known)
      return known
    }
    const { anyAddress } = own
    const localAddress = anyAddress ? '' : socket.address
    const slot = this.#slot++
    const peer = { socket, address, port, localAddress, context: undefined, slot }
    this.#peers.set(key, peer)
    if (this.#peers.size > (this.#options.peersMax ?? PEERS_MAX)) this.#forgetOldest()
    return peer
  }

  send(peer: UdpPeer<Context>, bytes: Uint8Array): void {
    const socket = this.#sockets[peer.socket.id]
    if (socket === undefined || socket !== peer.socket) return
    if (socket.held > PENDING_BYTES) {
      this.#sendDropped++
      return
    }
    socket.send(Buffer.from(bytes), peer.port, peer.address, (failure) => {
      if (failure === undefined) this.#sent++
      else this.#onFailure(socket, peer, failure)
    })
  }

  forward(batch: UdpBatch<Context>, index: number, peer: UdpPeer<Context>): void {
    this.send(peer, batch.bytes(index))
  }

  flush(): void {
    // Every datagram has left already.
  }

  counters(): UdpCounters {
    return {
      received: this.#received,
      sent: this.#sent,
      receiveCalls: this.#received,
      sendCalls: this.#sent,
      truncated: this.#truncated,
      sendDropped: this.#sendDropped,
    }
  }

  async close(): Promise<void> {
    this.#open = false
    for (const socket of this.#sockets) socket?.close()
    this.#peers.clear()
  }

  #onMessage(socket: DgramSocket, bytes: Buffer, from: RemoteInfo): void {
    this.#received++
    if (bytes.length > (this.#options.datagramMax ?? DATAGRAM_MAX)) {
      this.#truncated++
      return
    }
    const peer = this.peer(socket, from.address, from.port)
    if (peer === undefined) return
    this.#batch.hold(bytes, peer)
    this.#options.onBatch(this.#batch)
  }

  #onFailure(socket: DgramSocket, peer: UdpPeer<Context>, code: string): void {
    if (this.#sockets[socket.id] !== socket) return
    const { address, port } = peer
    this.#options.onFailure({ socket, address, port, code })
  }

  #onClose(socket: DgramSocket): void {
    this.#sockets[socket.id] = undefined
    for (const [key, peer] of this.#peers) if (peer.socket === socket) this.#peers.delete(key)
  }

  #forgetOldest(): void {
    const [oldest] = this.#peers
    if (oldest === undefined) return
    this.#peers.delete(oldest[0])
    this.#options.onForgotten?.(oldest[1])
  }
}

type DgramEvents = {
  onMessage(bytes: Buffer, from: RemoteInfo): void
  onClose(): void
}

class DgramSocket implements UdpSocket {
  readonly id: number
  readonly address: string
  readonly family: number
  readonly anyAddress: boolean
  port: number
  /** Bytes given to the kernel and not yet taken by it. */
  held = 0
  readonly #socket: Socket
  readonly #events: DgramEvents
  #open = true

  constructor(id: number, options: UdpSocketOptions, events: DgramEvents) {
    this.id = id
    this.address = options.address
    this.port = options.port
    this.family = isIP(options.address)
    this.anyAddress = options.address === '0.0.0.0' || options.address === '::'
    this.#events = events
    const bytes = options.bufferBytes ?? BUFFER_BYTES
    this.#socket = createSocket({
      type: this.family === 6 ? 'udp6' : 'udp4',
      ipv6Only: this.family === 6,
      reusePort: options.reusePort === true,
      recvBufferSize: bytes,
      sendBufferSize: bytes,
      // Addresses are numeric: nothing to look up.
      lookup: (host, _options, done) => done(null, host, this.family),
    })
  }

  /** The code of what went wrong, if anything. */
  bind(): Promise<string | undefined> {
    if (this.family === 0) return Promise.resolve('EINVAL')
    return new Promise((resolve) => {
      this.#socket.once('error', (failure) => resolve(codeOf(failure)))
      this.#socket.bind({ address: this.address, port: this.port, exclusive: true }, () => {
        this.port = this.#socket.address().port
        this.#socket.removeAllListeners('error')
        // Errors of single datagrams come with their callbacks; what comes here belongs to none.
        this.#socket.on('error', () => undefined)
        this.#socket.on('message', (bytes, from) => this.#events.onMessage(bytes, from))
        resolve(undefined)
      })
    })
  }

  send(bytes: Buffer, port: number, address: string, done: (failure?: string) => void): void {
    this.held += bytes.length
    this.#socket.send(bytes, port, address, (failure) => {
      this.held -= bytes.length
      done(failure === null ? undefined : codeOf(failure))
    })
  }

  backlog(): undefined {
    return undefined
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#socket.close()
    this.#events.onClose()
  }
}

class Single<Context> implements UdpBatch<Context> {
  readonly count = 1
  readonly waited = 0
  #bytes: Buffer = Buffer.alloc(0)
  #peer: UdpPeer<Context> | undefined

  hold(bytes: Buffer, peer: UdpPeer<Context>): void {
    this.#bytes = bytes
    this.#peer = peer
  }

  from(): UdpPeer<Context> {
    if (this.#peer === undefined) throw new RangeError('the batch is empty')
    return this.#peer
  }

  slab(): Buffer {
    return this.#bytes
  }

  start(): number {
    return 0
  }

  end(): number {
    return this.#bytes.length
  }

  bytes(): Buffer {
    return this.#bytes
  }
}

function codeOf(failure: Error): string {
  return 'code' in failure && typeof failure.code === 'string' ? failure.code : failure.message
}
