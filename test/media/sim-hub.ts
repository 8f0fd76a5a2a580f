//! A `UdpHub` without sockets: datagrams are handed in by the test and those sent are kept.

import { err, ok, type Result } from '../../src/base/result.ts'
import type {
  UdpBatch,
  UdpCounters,
  UdpHub,
  UdpHubOptions,
  UdpOpenFailure,
  UdpPeer,
  UdpSocket,
  UdpSocketOptions,
} from '../../src/native/udp.ts'

export type Sent = {
  readonly fromPort: number
  readonly address: string
  readonly port: number
  readonly bytes: Buffer
}

type Peer = UdpPeer<unknown>

export class SimHub implements UdpHub<unknown> {
  readonly kind = 'batched'
  readonly sent: Sent[] = []
  /** Ports that another program has. */
  readonly taken = new Set<number>()
  readonly sockets: (UdpSocket | undefined)[] = []
  readonly #options: UdpHubOptions<unknown>
  readonly #peers = new Map<string, Peer>()
  #received = 0

  constructor(options: UdpHubOptions<unknown>) {
    this.#options = options
  }

  get openCount(): number {
    return this.sockets.filter((socket) => socket !== undefined).length
  }

  open(options: UdpSocketOptions): Promise<Result<UdpSocket, UdpOpenFailure>> {
    const { address, port } = options
    const used = this.sockets.some((each) => each?.port === port && each.address === address)
    if (used || this.taken.has(port))
      return Promise.resolve(err({ code: 'EADDRINUSE', address, port }))
    const free = this.sockets.indexOf(undefined)
    const id = free === -1 ? this.sockets.length : free
    const close = (): void => {
      this.sockets[id] = undefined
    }
    const socket: UdpSocket = { id, address, port, backlog: () => undefined, close }
    this.sockets[id] = socket
    return Promise.resolve(ok(socket))
  }

  peer(socket: UdpSocket, address: string, port: number): Peer | undefined {
    if (address.includes(':') !== socket.address.includes(':')) return undefined
    const key = `${socket.id} ${address} ${port}`
    const known = this.#peers.get(key)
    if (known?.socket === socket) return known
    const slot = this.#peers.size
    const peer = { socket, address, port, localAddress: '', context: undefined, slot }
    this.#peers.set(key, peer)
    return peer
  }

  send({ socket, address, port }: Peer, bytes: Uint8Array): void {
    this.sent.push({ fromPort: socket.port, address, port, bytes: Buffer.from(bytes) })
  }

  forward(batch: UdpBatch<unknown>, index: number, peer: Peer): void {
    this.send(peer, batch.bytes(index))
  }

  flush(): void {
    // Everything has left already.
  }

  counters(): UdpCounters {
    const { length } = this.sent
    const none = { receiveCalls: 0, sendCalls: 0, truncated: 0, sendDropped: 0 }
    return { received: this.#received, sent: length, ...none }
  }

  close(): Promise<void> {
    this.sockets.length = 0
    return Promise.resolve()
  }

  /** A datagram comes in on one of our ports; nothing happens when it is not open. */
  deliver(port: number, address: string, from: number, bytes: Uint8Array): void {
    const v6 = address.includes(':')
    const socket = this.sockets.find(
      (each) => each?.port === port && each.address.includes(':') === v6,
    )
    const peer = socket && this.peer(socket, address, from)
    if (peer === undefined) return
    this.#received++
    const slab = Buffer.concat([Buffer.alloc(7), bytes])
    this.#options.onBatch({
      count: 1,
      waited: 0,
      from: () => peer,
      slab: () => slab,
      start: () => 7,
      end: () => slab.length,
      bytes: () => slab.subarray(7),
    })
  }
}
