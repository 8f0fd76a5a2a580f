//! The path of a datagram: whose it is, whether it is believed, what is counted, where it goes.
//! It lies in the hub's memory throughout; nothing here allocates for a packet of a known source.

import type { UdpBatch } from '../native/udp.ts'
import {
  packetKind,
  payloadStart,
  payloadType,
  sequence,
  setPayloadType,
  setWord,
  ssrc,
  timestamp,
} from '../rtp/packet.ts'
import { parseRtcp } from '../rtp/rtcp.ts'
import type { Board } from './board.ts'
import type { PortPair } from './port-stock.ts'
import { heard, isBack } from './silence.ts'
import type { Peer, Stream } from './stream.ts'

export type ForwarderCounters = {
  /** Handed on to another leg. */
  relayed: number
  /** From a source that is not the stream's. */
  refused: number
  /** To a port nobody has on loan, or neither RTP nor RTCP. */
  stray: number
}

type Batch = UdpBatch<unknown>

export class Forwarder {
  readonly counters: ForwarderCounters = { relayed: 0, refused: 0, stray: 0 }
  readonly #board: Board
  readonly #forward: (batch: Batch, index: number, peer: Peer) => void
  /** Index: socket id. */
  readonly #bySocket: readonly (PortPair<Stream> | undefined)[]

  constructor(
    board: Board,
    bySocket: readonly (PortPair<Stream> | undefined)[],
    forward: (batch: Batch, index: number, peer: Peer) => void,
  ) {
    this.#board = board
    this.#bySocket = bySocket
    this.#forward = forward
  }

  onBatch(batch: Batch): void {
    const now = this.#board.now()
    for (let index = 0; index < batch.count; index++) this.#onDatagram(batch, index, now)
  }

  #onDatagram(batch: Batch, index: number, now: number): void {
    const source = batch.from(index)
    const pair = this.#bySocket[source.socket.id]
    if (pair === undefined) return
    pair.lastPacketAt = now
    const stream = pair.owner
    if (stream === undefined || stream.session.told === undefined) {
      this.counters.stray++
      return
    }
    const kind = packetKind(batch.slab(index), batch.start(index), batch.end(index))
    if (kind === 'rtp') this.#onRtp(batch, index, stream, source, now)
    else if (kind === 'rtcp') this.#onRtcp(batch, index, stream, source, now)
    else if (kind === 'zrtp' && source === stream.latch.holder)
      this.#handOn(batch, index, stream, stream.sink?.rtpTo)
    else this.counters.stray++
  }

  #onRtp(batch: Batch, index: number, stream: Stream, source: Peer, now: number): void {
    const bytes = batch.slab(index)
    const at = batch.start(index)
    const end = batch.end(index)
    const from = ssrc(bytes, at)
    const number = sequence(bytes, at)
    const { latch, reception } = stream
    const known = latch.holder === source
    if (!latch.admits(source, from, number, now, reception)) {
      stream.refused++
      this.counters.refused++
      return
    }
    const type = payloadType(bytes, at)
    const start = payloadStart(bytes, at, end) ?? end
    const event = stream.isEvent(type)
    const clock = event ? undefined : stream.clockOf(type)
    reception.count(from, number, timestamp(bytes, at), clock, end - start, now)
    heard(stream.session.silence, now)
    if (!known) this.#onLatched(stream, source)
    if (event) this.#onEvent(stream, bytes, start, end, timestamp(bytes, at))
    const { sink } = stream
    if (sink === undefined || !stream.flows || sink.rtpTo === undefined) return
    const other = stream.renumber?.get(type)
    if (other !== undefined) setPayloadType(bytes, at, other)
    if (stream.relabel !== undefined) setWord(bytes, at + 8, stream.relabel)
    sink.sentPackets++
    sink.sentOctets += end - start
    this.#handOn(batch, index, stream, sink.rtpTo)
  }

  #onRtcp(batch: Batch, index: number, stream: Stream, source: Peer, now: number): void {
    const held = stream.latch.holder?.address
    const believed =
      held === undefined
        ? source.address === stream.rtcpAddress
        : source.address === held || source.address === stream.rtcpAddress
    if (!believed) {
      stream.refused++
      this.counters.refused++
      return
    }
    if (!stream.multiplexed || source.socket === stream.pair.rtp) stream.rtcpTo = source
    heard(stream.session.silence, now)
    for (const packet of parseRtcp(batch.slab(index), batch.start(index), batch.end(index)))
      if (packet.kind === 'sender-report' || packet.kind === 'receiver-report') {
        const block = packet.blocks[0]
        if (block === undefined) continue
        stream.sentLost = block.lost
        stream.sentJitterUnits = block.jitter
      }
    // An echo keeps reports to itself: they speak of the sender's own numbering.
    if (stream.sink !== stream) this.#handOn(batch, index, stream, stream.sink?.rtcpTo)
  }

  #handOn(batch: Batch, index: number, stream: Stream, to: Peer | undefined): void {
    if (to === undefined || stream.sink === undefined) return
    this.counters.relayed++
    this.#forward(batch, index, to)
  }

  #onLatched(stream: Stream, source: Peer): void {
    stream.rtpTo = source
    if (stream.multiplexed) stream.rtcpTo = source
    const { session } = stream
    const back = isBack(session.silence)
    if (session.flowing && !back) return
    session.flowing = true
    this.#board.emit({ kind: 'flowing', media: session.id })
  }

  #onEvent(stream: Stream, bytes: Uint8Array, start: number, end: number, at: number): void {
    const digit = stream.digits.read(bytes, start, end, at)
    if (digit !== undefined) this.#board.emit({ kind: 'digit', media: stream.session.id, digit })
  }
}
