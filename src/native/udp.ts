//! UDP for many sockets of one thread, received and sent in batches. One hub a thread and purpose
//! (SIP, RTP); a datagram costs no closure, no string and no call into the system of its own.
//!
//! Two implementations: `batched` (the native add-on) and `dgram` (plain Node); `udp-hub.ts`
//! chooses. This is what both promise.

import type { Result } from '../base/result.ts'

/**
 * One far end as seen through one socket. The same object for every datagram of that far end, so
 * its owner hangs what it knows of it on `context` and needs no look-up.
 */
export interface UdpPeer<Context> {
  readonly socket: UdpSocket
  readonly address: string
  readonly port: number
  /** Where its datagrams come in and ours leave; '' when bound to all addresses and not known. */
  readonly localAddress: string
  /** Kept until the peer is forgotten or its slot is reused: set it to undefined when done. */
  context: Context | undefined
  /** The hub's own number for it. */
  readonly slot: number
}

export interface UdpSocket {
  /** Small and dense, reused after `close`: an index for the owner's tables. */
  readonly id: number
  readonly address: string
  readonly port: number
  /** Bytes waiting in the kernel and datagrams it dropped; undefined where it cannot be told. */
  backlog(): { readonly bytes: number; readonly dropped: number } | undefined
  close(): void
}

/** What came in one turn of the loop. Valid until the callback returns: copy what is kept. */
export interface UdpBatch<Context> {
  readonly count: number
  /** How long its oldest datagram lay in the kernel, in milliseconds; 0 when it cannot be told. */
  readonly waited: number
  /** Who sent datagram `index`. */
  from(index: number): UdpPeer<Context>
  /** The memory datagram `index` lies in, from `start` to `end`; empty datagrams are possible. */
  slab(index: number): Buffer
  start(index: number): number
  end(index: number): number
  /** The same as one view; makes an object. */
  bytes(index: number): Buffer
}

export interface UdpHub<Context> {
  readonly kind: 'batched' | 'dgram'
  open(options: UdpSocketOptions): Promise<Result<UdpSocket, UdpOpenFailure>>
  /** The far end at a numeric address; undefined when it is none or of the wrong family. */
  peer(
    socket: UdpSocket,
    address: string,
    port: number,
    localAddress?: string,
  ): UdpPeer<Context> | undefined
  /** Queues; the bytes are copied, the caller may reuse them. Leaves at the end of this turn. */
  send(peer: UdpPeer<Context>, bytes: Uint8Array): void
  /** Queues datagram `index` of the batch at hand, as is, without copying it. */
  forward(batch: UdpBatch<Context>, index: number, peer: UdpPeer<Context>): void
  /** Sends what is queued now: for what is paced and must not wait for the end of the turn. */
  flush(): void
  counters(): UdpCounters
  close(): Promise<void>
}

export type UdpHubOptions<Context> = {
  readonly onBatch: (batch: UdpBatch<Context>) => void
  /** A datagram could not be sent, or ICMP told that nobody took it. */
  readonly onFailure: (failure: UdpFailure) => void
  /** The peer was pushed out by newer ones; it still can be sent to. */
  readonly onForgotten?: (peer: UdpPeer<Context>) => void
  /** The longest datagram taken; longer ones are counted and dropped. */
  readonly datagramMax?: number
  /** Datagrams a batch, default 64. */
  readonly batchMax?: number
  /** Far ends remembered, default 131,072; some 400 bytes each. */
  readonly peersMax?: number
}

export type UdpSocketOptions = {
  /** Numeric. 0.0.0.0 and :: answer from the address each peer talked to. */
  readonly address: string
  /** 0 takes a free one. */
  readonly port: number
  /** Several sockets share the port and the kernel spreads peers over them (SO_REUSEPORT). */
  readonly reusePort?: boolean
  /** Have `onFailure` told of ICMP errors (batched only). */
  readonly reportErrors?: boolean
  /** Have the kernel stamp datagrams, for `UdpBatch.waited` (batched only). */
  readonly timestamps?: boolean
  /** Kernel buffer asked for, each way, in bytes; default 4 MiB. */
  readonly bufferBytes?: number
}

export type UdpOpenFailure = {
  /** EADDRINUSE, EADDRNOTAVAIL, EACCES, EINVAL …; ESHUTDOWN when the hub is closed. */
  readonly code: string
  readonly address: string
  readonly port: number
}
export type UdpFailure = {
  readonly socket: UdpSocket
  readonly address: string
  readonly port: number
  readonly code: string
}

export type UdpCounters = {
  readonly received: number
  readonly sent: number
  /** System calls, where they can be told. */
  readonly receiveCalls: number
  readonly sendCalls: number
  /** Longer than `datagramMax`. */
  readonly truncated: number
  /** The kernel's buffer and ours were full. */
  readonly sendDropped: number
}

export const DATAGRAM_MAX = 65_535
export const BATCH_MAX = 64
export const PEERS_MAX = 131_072
export const BUFFER_BYTES = 4 << 20
