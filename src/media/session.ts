//! One leg's end of the sound: what was said to it and by it, its streams, and whom it talks with.

import type { CallId } from '../control/ids.ts'
import type { MediaId, MediaReport, StreamCounters } from '../control/media-control.ts'
import { codecsOf, isAuxiliary } from '../sdp/codec.ts'
import type { Description } from '../sdp/description.ts'
import type { Direction } from '../sdp/direction.ts'
import type { LocalSide } from '../sdp/local-side.ts'
import type { Links } from '../sdp/relay.ts'
import type { Face } from './faces.ts'
import { newSilence } from './silence.ts'
import type { Stream } from './stream.ts'
import type { Numbering, Playing } from './player.ts'

/** An offer of ours that this leg has been put, and has answered or may yet. */
export type Pending = {
  readonly from: Session
  /** What it was made of: `from`'s own offer, or what `from` is known to be able to do. */
  readonly offer: Description
  /**
   * Undefined when `from` made that offer itself and waits for an answer. Else `from` said nothing
   * now, and this is what it is taken to want.
   */
  readonly directions: readonly Direction[] | undefined
  /** After `close` both have been told all there is; after `ask`, `from` may have to be told. */
  readonly step: 'ask' | 'close'
  /** From `from`'s lines to this leg's. */
  readonly links: Links
  /** What this leg is told by it. */
  readonly told: Description
  answered: boolean
}

export class Session {
  readonly id: MediaId
  readonly call: CallId
  face: Face
  local: LocalSide
  /** The address its signalling comes from, when known. */
  signalling: string | undefined
  /** The last agreement: what it was told, what it described, and what it wants, line by line. */
  told: Description | undefined
  described: Description | undefined
  wants: readonly Direction[] = []
  pending: Pending | undefined
  streams: (Stream | undefined)[] = []
  /** Streams of lines that were closed: their counters stay the leg's. */
  readonly past: Stream[] = []

  peer: Session | undefined
  /** From this leg's lines to the peer's. */
  links: Links = []
  playing: Playing | undefined
  numbering: Numbering | undefined
  readonly silence = newSilence()
  flowing = false

  constructor(id: MediaId, call: CallId, face: Face, local: LocalSide) {
    this.id = id
    this.call = call
    this.face = face
    this.local = local
  }

  /** The first open sound stream. */
  get audio(): Stream | undefined {
    return this.streams.find((stream) => stream?.kind === 'audio')
  }

  report(): MediaReport {
    const open = this.streams.filter((stream) => stream !== undefined)
    const streams = [...this.past, ...open]
    const sum = (value: (stream: Stream) => number): number =>
      streams.reduce((total, stream) => total + value(stream), 0)
    const audio = this.audio ?? streams.find(({ kind }) => kind === 'audio')
    const received: StreamCounters = {
      packets: sum(({ reception }) => reception.packets),
      octets: sum(({ reception }) => reception.octets),
      lost: sum(({ reception }) => reception.lost),
      jitter: audio?.reception.jitterMs ?? 0,
    }
    const sent: StreamCounters = {
      packets: sum((stream) => stream.sentPackets),
      octets: sum((stream) => stream.sentOctets),
      lost: sum((stream) => Math.max(0, stream.sentLost)),
      jitter: audio === undefined ? 0 : (audio.sentJitterUnits * 1000) / audio.sentClock,
    }
    return { media: this.id, received, sent, codec: this.#codec() }
  }

  /** The sound codec agreed: the answerer's first, as the one who was told or the one who said. */
  #codec(): string | undefined {
    const index = this.told?.media.findIndex(
      ({ media }) => media.kind === 'audio' && media.port !== 0,
    )
    const told = index === undefined ? undefined : this.told?.media[index]
    const described = index === undefined ? undefined : this.described?.media[index]
    if (told === undefined || described === undefined) return undefined
    const accepted = codecsOf(described).filter((codec) => !isAuxiliary(codec))
    const common = codecsOf(told).find((codec) =>
      accepted.some(({ name }) => name.toLowerCase() === codec.name.toLowerCase()),
    )
    return (common ?? accepted[0])?.name
  }
}
