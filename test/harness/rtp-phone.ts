//! A scripted RTP endpoint: two real sockets, its SDP, packets out as fast or as slow as wanted,
//! everything that came in kept.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import {
  HEADER_LENGTH,
  payloadStart,
  sequence,
  ssrc,
  timestamp,
  writeHeader,
} from '../../src/rtp/packet.ts'
import { fromUlaw, toUlaw } from '../../src/rtp/g711.ts'
import type { Sdp } from '../../src/control/media-control.ts'

export type Packet = {
  readonly bytes: Buffer
  readonly payloadType: number
  readonly marker: boolean
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  readonly payload: Buffer
  /** performance.now() at arrival. */
  readonly at: number
  readonly fromPort: number
  readonly fromAddress: string
}

const FRAME_SAMPLES = 160

export class RtpPhone {
  readonly address: string
  readonly received: Packet[] = []
  readonly receivedRtcp: Buffer[] = []
  readonly #rtp: Socket
  readonly #rtcp: Socket
  /** Where it sends, read out of the SDP it was given. */
  target: { address: string; port: number; videoPort: number } | undefined
  ssrc = Math.floor(Math.random() * 0xffff_ffff)
  sequence = 100
  timestamp = 8000

  private constructor(address: string, rtp: Socket, rtcp: Socket) {
    this.address = address
    this.#rtp = rtp
    this.#rtcp = rtcp
    rtp.on('message', (bytes, from) => this.received.push(read(bytes, from)))
    rtcp.on('message', (bytes) => this.receivedRtcp.push(bytes))
  }

  static async open(address = '127.0.0.1'): Promise<RtpPhone> {
    const rtp = await bound(address)
    const rtcp = await bound(address)
    return new RtpPhone(address, rtp, rtcp)
  }

  get port(): number {
    return this.#rtp.address().port
  }
  get rtcpPort(): number {
    return this.#rtcp.address().port
  }

  /** A description of sound here; `lines` are put under its `m=`. */
  sdp(formats = '0 101', lines: readonly string[] = ['a=rtpmap:101 telephone-event/8000']): Sdp {
    const family = this.address.includes(':') ? 'IP6' : 'IP4'
    return [
      'v=0',
      `o=phone ${this.port} 1 IN ${family} ${this.address}`,
      's=-',
      `c=IN ${family} ${this.address}`,
      't=0 0',
      `m=audio ${this.port} RTP/AVP ${formats}`,
      `a=rtcp:${this.rtcpPort}`,
      ...lines,
      '',
    ].join('\r\n') as Sdp
  }

  /** Learns where to send from the SDP it is told. */
  hear(told: string): void {
    const address = /^c=IN IP[46] (\S+)/m.exec(told)?.[1] ?? this.address
    const port = Number(/^m=audio (\d+)/m.exec(told)?.[1] ?? 0)
    const videoPort = Number(/^m=video (\d+)/m.exec(told)?.[1] ?? 0)
    this.target = { address, port, videoPort }
  }

  /** One packet to wherever it was told, or to `port`. */
  send(payload: Uint8Array, payloadType = 0, options: SendOptions = {}): void {
    const packet = Buffer.alloc(HEADER_LENGTH + payload.length)
    const { sequence, timestamp, ssrc } = this
    const { marker = false } = options
    writeHeader(packet, 0, { payloadType, marker, sequence, timestamp, ssrc })
    packet.set(payload, HEADER_LENGTH)
    this.sequence = (this.sequence + 1) & 0xffff
    this.timestamp = (this.timestamp + (options.step ?? FRAME_SAMPLES)) >>> 0
    this.sendRaw(packet, options.port)
  }

  sendRaw(packet: Uint8Array, port = this.target?.port ?? 0): void {
    this.#rtp.send(packet, port, this.target?.address ?? this.address)
  }

  sendRtcp(packet: Uint8Array, port = (this.target?.port ?? 0) + 1): void {
    this.#rtcp.send(packet, port, this.target?.address ?? this.address)
  }

  /** Says samples as PCMU, a burst at a time so that no buffer runs over. */
  async say(samples: Int16Array, payloadType = 0): Promise<void> {
    const octets = toUlaw(samples)
    for (let at = 0, count = 0; at + FRAME_SAMPLES <= octets.length; at += FRAME_SAMPLES) {
      this.send(octets.subarray(at, at + FRAME_SAMPLES), payloadType)
      if (++count % 10 === 0) await pause(2)
    }
  }

  /** What was heard as PCMU, laid out by timestamps; silence where nothing came. */
  heard(): Int16Array {
    const [first] = this.received
    if (first === undefined) return new Int16Array(0)
    const frames = this.received.filter((each) => each.ssrc === this.received.at(-1)?.ssrc)
    const start = frames[0]?.timestamp ?? 0
    const at = (packet: Packet): number => (packet.timestamp - start) >>> 0
    const length = Math.max(...frames.map((each) => at(each) + each.payload.length))
    const samples = new Int16Array(length)
    for (const packet of frames) samples.set(fromUlaw(packet.payload), at(packet))
    return samples
  }

  /** Until `count` packets are here, or `within` milliseconds are over. */
  async until(count: number, within = 5000): Promise<void> {
    const end = performance.now() + within
    while (this.received.length < count && performance.now() < end) await pause(5)
  }

  async untilRtcp(count: number, within = 5000): Promise<void> {
    const end = performance.now() + within
    while (this.receivedRtcp.length < count && performance.now() < end) await pause(5)
  }

  close(): void {
    this.#rtp.close()
    this.#rtcp.close()
  }
}

export type SendOptions = {
  readonly marker?: boolean
  readonly step?: number
  readonly port?: number
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function bound(address: string): Promise<Socket> {
  const socket = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    lookup: (host, _options, done) => done(null, host, address.includes(':') ? 6 : 4),
  })
  const listening = once(socket, 'listening')
  socket.bind(0, address)
  await listening
  return socket
}

function read(bytes: Buffer, from: RemoteInfo): Packet {
  return {
    bytes,
    payloadType: (bytes[1] ?? 0) & 0x7f,
    marker: ((bytes[1] ?? 0) & 0x80) !== 0,
    sequence: sequence(bytes, 0),
    timestamp: timestamp(bytes, 0),
    ssrc: ssrc(bytes, 0),
    payload: bytes.subarray(payloadStart(bytes, 0, bytes.length) ?? bytes.length),
    at: performance.now(),
    fromPort: from.port,
    fromAddress: from.address,
  }
}
