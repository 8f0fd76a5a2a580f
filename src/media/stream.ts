//! One `m=` line of one leg: its sockets, from whom it is taken, where it is sent, what is counted.

import type { UdpPeer } from '../native/udp.ts'
import { Reception } from '../rtp/reception.ts'
import { DigitReader } from '../rtp/telephone-event.ts'
import type { Codec } from '../sdp/codec.ts'
import { Latch } from './latch.ts'
import type { PortPair } from './port-stock.ts'
import type { Session } from './session.ts'

export type Peer = UdpPeer<unknown>

const DEFAULT_CLOCK: Readonly<Record<string, number>> = { video: 90_000 }

export class Stream {
  readonly session: Session
  readonly kind: string
  readonly pair: PortPair<Stream>
  readonly latch = new Latch<Peer>()
  /** What the leg said of its address last, in short. */
  lastSaid = ''
  /** The same, and what it was told: a mere refresh changes neither. */
  lastAgreed = ''
  readonly reception = new Reception()
  readonly digits = new DigitReader()

  /** Where our packets go; undefined until an address is announced or a source latched. */
  rtpTo: Peer | undefined
  rtcpTo: Peer | undefined
  /** Both on the RTP port (RFC 5761). */
  multiplexed = false
  /** The address announced for RTCP, besides which the RTP holder's own is taken. */
  rtcpAddress: string | undefined

  /** Where what comes in here goes out; itself for an echo. */
  sink: Stream | undefined
  /** May it go there, by both sides' directions? */
  flows = false
  /** Renumbers payload types for the sink. */
  renumber: ReadonlyMap<number, number> | undefined
  /** Written over the SSRC of what is handed to the sink: an echo must not collide with its own. */
  relabel: number | undefined
  ownSsrc: number | undefined

  sentPackets = 0
  sentOctets = 0
  /** As the leg's receiver reports it by RTCP. */
  sentLost = 0
  sentJitterUnits = 0
  sentClock = 8000
  refused = 0

  #codecs: readonly Codec[] = []
  #lastType = -1
  #lastClock = 8000
  #eventType = -1

  constructor(session: Session, kind: string, pair: PortPair<Stream>) {
    this.session = session
    this.kind = kind
    this.pair = pair
  }

  /** The codecs we told the leg to send with, by their payload types. */
  expect(codecs: readonly Codec[]): void {
    this.#codecs = codecs
    this.#lastType = -1
    const event = codecs.find(({ name }) => name.toLowerCase() === 'telephone-event')
    this.#eventType = event?.payloadType ?? -1
    this.sentClock = codecs[0]?.clockRate ?? this.#defaultClock()
  }

  isEvent(payloadType: number): boolean {
    return payloadType === this.#eventType
  }

  clockOf(payloadType: number): number {
    if (payloadType === this.#lastType) return this.#lastClock
    const codec = this.#codecs.find((each) => each.payloadType === payloadType)
    this.#lastType = payloadType
    this.#lastClock = codec?.clockRate ?? this.#defaultClock()
    return this.#lastClock
  }

  #defaultClock(): number {
    return DEFAULT_CLOCK[this.kind] ?? 8000
  }
}
