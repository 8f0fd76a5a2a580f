//! Everything paced, in one loop from absolute deadlines: a frame of each playing track every
//! 20 ms, a sender report every five seconds.

import type { Host } from '../base/host.ts'
import { millis } from '../base/time.ts'
import type { UdpHub } from '../native/udp.ts'
import type { MediaEvent } from '../control/media-control.ts'
import { HEADER_LENGTH, writeHeader } from '../rtp/packet.ts'
import { nextDeadline, startPacing, ticksDue, type Pacing } from '../rtp/pacing.ts'
import { buildRtcp } from '../rtp/rtcp.ts'
import { directionOf } from '../sdp/carry.ts'
import { codecsOf, sameCodec, type Codec } from '../sdp/codec.ts'
import type { Session } from './session.ts'
import type { MadeSource, Sounds } from './sounds.ts'
import type { Peer, Stream } from './stream.ts'
import type { Track } from './track.ts'
import { FRAME_MS } from './voices.ts'

/** What a leg is fed with, and how far it is. */
export type Playing = {
  readonly track: Track
  readonly payloadType: number
  readonly stream: Stream
  position: number
  /** Frames not sent since the last that was: a pause is told by the marker (RFC 3551 §4.1). */
  paused: boolean
}
/** The numbering of what we make for a leg: one SSRC for its life. */
export type Numbering = { readonly ssrc: number; sequence: number; timestamp: number }

export type PlayerHost = Host & {
  readonly hub: UdpHub<unknown>
  readonly emit: (event: MediaEvent) => void
}

/** A loop that was held up makes good this many frames, and lets go of the rest. */
const BURST_MAX = 5
const REPORT_TICKS = 5000 / FRAME_MS
const FRAME_BYTES_MAX = 1500
const NTP_EPOCH_SECONDS = 2_208_988_800

export class Player {
  readonly sounds: Sounds
  readonly #host: PlayerHost
  readonly #playing = new Set<Session>()
  readonly #packet = new Uint8Array(HEADER_LENGTH + FRAME_BYTES_MAX)
  readonly #views: (Uint8Array | undefined)[] = []
  #pacing: Pacing | undefined
  /** Frames let go because the loop was held up. */
  skipped = 0

  constructor(sounds: Sounds, host: PlayerHost) {
    this.sounds = sounds
    this.#host = host
  }

  /** One that was joined with another is still in the set until its next frame is due. */
  get count(): number {
    return [...this.#playing].filter(({ playing }) => playing !== undefined).length
  }

  /**
   * Feeds a session; the same source on the same stream goes on where it is. False when none of the
   * codecs agreed can be made.
   */
  play(session: Session, source: MadeSource): boolean {
    const stream = session.audio
    const codec = stream && this.#agreed(session, session.streams.indexOf(stream))
    const track = codec && this.sounds.track(source, codec)
    if (stream === undefined || codec === undefined || track === undefined) {
      this.stop(session)
      return false
    }
    const before = session.playing
    if (before?.stream === stream && before.track === track) return true
    const { random } = this.#host
    session.numbering ??= {
      ssrc: 1 + random.below(0xffff_fffe),
      sequence: random.below(0x8000),
      timestamp: random.below(0x7fff_ffff),
    }
    const { payloadType } = codec
    session.playing = { track, payloadType, stream, position: 0, paused: true }
    this.#playing.add(session)
    this.#start()
    return true
  }

  /** The leg's first codec that we told it as well and can make, under its own payload type. */
  #agreed({ described, told }: Session, index: number): Codec | undefined {
    const [theirs, ours] = [described?.media[index], told?.media[index]]
    if (theirs === undefined || ours === undefined) return undefined
    const spoken = codecsOf(ours)
    return codecsOf(theirs).find(
      (codec) => this.sounds.canMake(codec) && spoken.some((each) => sameCodec(each, codec)),
    )
  }

  stop(session: Session): void {
    session.playing = undefined
    this.#playing.delete(session)
  }

  /** The leg is over: what was made for it is ended by BYE (RFC 3550 §6.3.7). */
  end(session: Session): void {
    const { playing } = session
    if (playing === undefined) return
    this.#report(session, playing.stream, true)
    this.stop(session)
  }

  #start(): void {
    if (this.#pacing !== undefined) return
    this.#pacing = startPacing(this.#host.now(), FRAME_MS)
    this.#tick()
  }

  readonly #tick = (): void => {
    if (this.#pacing === undefined) return
    const { pacing, due, skipped } = ticksDue(this.#pacing, this.#host.now(), BURST_MAX)
    this.skipped += skipped
    for (let count = due; count > 0; count--)
      for (const session of this.#playing) this.#frame(session, pacing.ticks - count)
    this.#host.hub.flush()
    this.#pacing = this.#playing.size === 0 ? undefined : pacing
    if (this.#pacing !== undefined) this.#host.wake(millis(nextDeadline(pacing)), this.#tick)
  }

  #frame(session: Session, tick: number): void {
    const { playing, numbering } = session
    if (playing === undefined || numbering === undefined) {
      this.#playing.delete(session)
      return
    }
    const { track, stream } = playing
    if (stream.rtpTo === undefined || !this.#listens(session, stream)) {
      playing.paused = true
      numbering.timestamp = (numbering.timestamp + track.step) >>> 0
      return
    }
    this.#send(stream.rtpTo, playing, numbering)
    if (tick % REPORT_TICKS === numbering.ssrc % REPORT_TICKS) this.#report(session, stream, false)
    const next = track.next(playing.position)
    if (next !== undefined) {
      playing.position = next
      return
    }
    this.stop(session)
    this.#host.emit({ kind: 'played', media: session.id })
  }

  #send(to: Peer, playing: Playing, numbering: Numbering): void {
    const { track, stream, payloadType, paused } = playing
    const frame = track.frame(playing.position)
    const packet = this.#packet
    packet.set(frame, HEADER_LENGTH)
    writeHeader(packet, 0, { payloadType, marker: paused, ...numbering })
    this.#host.hub.send(to, this.#view(HEADER_LENGTH + frame.length))
    stream.sentPackets++
    stream.sentOctets += frame.length
    playing.paused = false
    numbering.sequence = (numbering.sequence + 1) & 0xffff
    numbering.timestamp = (numbering.timestamp + track.step) >>> 0
  }

  /** A leg on hold hears nothing, and its prompt waits. */
  #listens(session: Session, stream: Stream): boolean {
    const { described } = session
    const section = described?.media[session.streams.indexOf(stream)]
    return (
      described !== undefined && section !== undefined && directionOf(described, section).receive
    )
  }

  #report(session: Session, stream: Stream, bye: boolean): void {
    const { numbering } = session
    if (numbering === undefined || stream.rtcpTo === undefined) return
    const seconds = this.#host.wall() / 1000 + NTP_EPOCH_SECONDS
    const { reception } = stream
    const block = {
      ssrc: reception.ssrc,
      fractionLost: reception.takeFractionLost(),
      lost: reception.lost,
      highest: reception.extendedHighest,
      jitter: reception.jitterUnits,
    }
    const bytes = buildRtcp({
      ssrc: numbering.ssrc,
      name: `${numbering.ssrc.toString(36)}@pbx`,
      sender: {
        ntpHigh: Math.floor(seconds) >>> 0,
        ntpLow: Math.floor((seconds % 1) * 4_294_967_296) >>> 0,
        timestamp: numbering.timestamp,
        packets: stream.sentPackets,
        octets: stream.sentOctets,
      },
      block: reception.packets === 0 ? undefined : block,
      bye,
    })
    this.#host.hub.send(stream.rtcpTo, bytes)
  }

  #view(length: number): Uint8Array {
    return (this.#views[length] ??= this.#packet.subarray(0, length))
  }
}
