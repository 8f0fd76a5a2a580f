//! What media offers and call-manager uses. A method is one RPC, so arguments are plain data and
//! every id is stamped by the caller: a repeated request finds its session and changes nothing.
//!
//! A media session is one leg's end of the sound: it is created by the first request that names it
//! and lives until `release`. SDP is handed over as text; the media side alone reads and writes it.
//! Requests about one session are carried out in the order in which they were made.

import type { Brand } from '../base/brand.ts'
import type { Subscribe } from '../base/host.ts'
import type { Result } from '../base/result.ts'
import type { Millis } from '../base/time.ts'
import type { CallId } from './ids.ts'

export type MediaId = Brand<string, 'MediaId'>
export type Sdp = Brand<string, 'Sdp'>

/** Class: recoverable (the ids and both descriptions are part of the call's snapshot). */
export interface MediaControl {
  /**
   * `from`'s offer, made over as our offer to `to`: same codecs and payload types, our addresses.
   * Creates either session when new; a repeated offer on a live session is a re-offer (hold,
   * codec change, ICE restart). One offer may go to several `to` (forking), at once or in turn.
   */
  relayOffer(request: RelayOffer): Promise<Result<Sdp, MediaFailure>>
  /**
   * `from`'s answer made over as our answer to `to`'s pending offer; the two are then connected.
   * May come again for the same offer: early answers of other forks, then the one of the 2xx. The
   * last one says to whom `to` is connected.
   *
   * When `to` made no offer itself (ours to `from` was restated, or came of `connect`), the value
   * is the offer to put to `to`; its answer comes back by `relayAnswer({ from: to, to: from })`,
   * whose value is sent nowhere. It is the very text last told to `to` when that may stand.
   */
  relayAnswer(request: RelayRequest): Promise<Result<Sdp, MediaFailure>>
  /** `to`'s pending offer was refused (488, 491): both sessions stay as they were before it. */
  withdrawOffer(request: WithdrawOffer): Promise<Result<void, MediaFailure>>
  /** Answers a leg's offer here, with no far side: echo, a tone, a prompt, or silence. */
  answerHere(request: AnswerHere): Promise<Result<Sdp, MediaFailure>>
  /**
   * Joins two answered sessions that did not negotiate with each other (transfer, park, pick up).
   * Undefined when both may stay as they are (payload types are renumbered on the way). Else the
   * value is the offer to put to `a`, and `relayAnswer({ from: a, to: b })` goes on from there.
   */
  connect(request: ConnectRequest): Promise<Result<Sdp | undefined, MediaFailure>>
  /**
   * Changes what an answered session is fed with; `undefined` stops it. Being connected stops it
   * too.
   */
  feed(media: MediaId, source: MediaSource | undefined): Promise<Result<void, MediaFailure>>
  /**
   * A successor's question about a call of its predecessor: true when all of these sessions live on
   * as they were. `agreed` are those of phones that talk: a session that knows less of its phone
   * was made late, when others had been made elsewhere for it. May take as long as media servers
   * are given to be heard of again.
   */
  resume(media: readonly MediaId[], agreed: readonly MediaId[]): Promise<boolean>
  /** Ends sessions, frees their ports, returns the final counters in the order asked. */
  release(media: readonly MediaId[]): Promise<readonly MediaReport[]>
  readonly events: Subscribe<MediaEvent>
}

export type RelayRequest = {
  readonly call: CallId
  readonly from: MediaId
  readonly to: MediaId
  readonly sdp: Sdp
  /**
   * The numeric address `to`'s signalling goes to: picks the family and the private or public
   * address we name. The server's first address when left out.
   */
  readonly toward?: string
}
export type RelayOffer = RelayRequest & {
  /**
   * True when `sdp` is not an offer of this moment but `from`'s last description, offer or answer
   * (a transfer target is called, a session refreshed): offer what `from` is known to be able to
   * do, sending and receiving, whatever hold `sdp` speaks of.
   */
  readonly restated: boolean
}
export type WithdrawOffer = {
  readonly call: CallId
  readonly from: MediaId
  readonly to: MediaId
}
export type AnswerHere = {
  readonly call: CallId
  readonly media: MediaId
  readonly offer: Sdp
  readonly source: MediaSource | undefined
  /** As in `RelayRequest`, of the leg that is answered. */
  readonly toward?: string
}
export type ConnectRequest = { readonly call: CallId; readonly a: MediaId; readonly b: MediaId }

export type MediaSource =
  | { readonly kind: 'echo' }
  /** Frequencies in Hz, levels in dBFS; `cadence` alternates on and off, empty means steady. */
  | {
      readonly kind: 'tone'
      readonly frequencies: readonly number[]
      readonly level: number
      readonly cadence: readonly Millis[]
    }
  /** `name` is a file of config/prompts, without `.wav`: `not-available` or `en/not-available`. */
  | { readonly kind: 'prompt'; readonly name: string; readonly repeat: boolean }

export type MediaFailure =
  | { readonly kind: 'no-capacity' }
  /** The text could not be read, or has nothing we can carry; answer 488 with the reason. */
  | { readonly kind: 'sdp-rejected'; readonly reason: string }
  | { readonly kind: 'no-session' }
  /** No answer in time, or the media server died: the outcome is unknown. */
  | { readonly kind: 'unreachable' }

/** Counters of one session over its life; packets, octets and lost are whole numbers. */
export type MediaReport = {
  readonly media: MediaId
  readonly received: StreamCounters
  readonly sent: StreamCounters
  /** Codec names as negotiated for sound, e.g. `PCMU`, `opus`; undefined when none was. */
  readonly codec: string | undefined
}
export type StreamCounters = {
  readonly packets: number
  readonly octets: number
  readonly lost: number
  /** RFC 3550 §6.4.1 interarrival jitter, in milliseconds. */
  readonly jitter: number
}

export type MediaEvent =
  /** The first packet came and the source is latched; again when sound is back after a timeout. */
  | { readonly kind: 'flowing'; readonly media: MediaId }
  /**
   * Nothing came for `silentFor` from a leg that is not on hold: one-way sound, or a dead peer.
   * Told again after every further limit while it lasts.
   */
  | { readonly kind: 'rtp-timeout'; readonly media: MediaId; readonly silentFor: Millis }
  | { readonly kind: 'digit'; readonly media: MediaId; readonly digit: string }
  /** A prompt that does not repeat came to its end. */
  | { readonly kind: 'played'; readonly media: MediaId }
  /** The server lost these sessions (it crashed and came back, or drained by force). */
  | { readonly kind: 'lost'; readonly media: readonly MediaId[] }
