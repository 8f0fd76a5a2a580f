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
import { codecsOf } from '../sdp/codec.ts'
import type { Session } from './session.ts'
import type { MadeSource, Sounds, Track } from './sounds.ts'
import type { Stream } from './stream.ts'
import { FRAME_MS } from './voices.ts'

/** What a leg is fed with, and how far it is. */
export type Playing = {
  readonly source: MadeSource
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

  /** Feeds a session; the same source on the same stream goes on where it is. */
  play(session: Session, source: MadeSource): void {
    const stream = session.audio
    const index = stream === undefined ? -1 : session.streams.indexOf(stream)
    const section = session.described?.media[index]
    const codec = section && codecsOf(section).find((each) => this.sounds.canMake(each))
    const track = codec && this.sounds.track(source, codec)
    if (stream === undefined || codec === undefined || track === undefined)
      return this.stop(session)
    const before = session.playing
    if (before?.stream === stream && before.track === track) return
    const { random } = this.#host
    session.numbering ??= {
      ssrc: 1 + random.below(0xffff_fffe),
      sequence: random.below(0x8000),
      timestamp: random.below(0x7fff_ffff),
    }
    const { payloadType } = codec
    session.playing = { source, track, payloadType, stream, position: 0, paused: true }
    this.#playing.add(session)
    this.#start()
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
    const frame = track.frames[playing.position]
    if (frame === undefined) return this.#atEnd(session, playing)
    const listening = this.#listens(session, stream)
    if (listening && stream.rtpTo !== undefined) {
      const packet = this.#packet
      packet.set(frame, HEADER_LENGTH)
      const { payloadType, paused } = playing
      writeHeader(packet, 0, { payloadType, marker: paused, ...numbering })
      this.#host.hub.send(stream.rtpTo, this.#view(HEADER_LENGTH + frame.length))
      stream.sentPackets++
      stream.sentOctets += frame.length
      numbering.sequence = (numbering.sequence + 1) & 0xffff
      playing.position++
      playing.paused = false
      if (tick % REPORT_TICKS === numbering.ssrc % REPORT_TICKS)
        this.#report(session, stream, false)
    } else playing.paused = true
    numbering.timestamp = (numbering.timestamp + track.step) >>> 0
    if (playing.position === track.frames.length) this.#atEnd(session, playing)
  }

  #atEnd(session: Session, playing: Playing): void {
    playing.position = 0
    if (playing.track.repeat) return
    this.stop(session)
    this.#host.emit({ kind: 'played', media: session.id })
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
