//! What crosses between the thread that commands media and the worker that does it: plain data, in
//! batches, in order.

import type { Fields, LogLevel } from '../base/host.ts'
import type { Result } from '../base/result.ts'
import type {
  AnswerHere,
  ConnectRequest,
  MediaEvent,
  MediaFailure,
  MediaId,
  MediaReport,
  MediaSource,
  RelayOffer,
  RelayRequest,
  Sdp,
  WithdrawOffer,
} from '../control/media-control.ts'
import type { Addresses } from './faces.ts'
import type { PortRange } from './port-pool.ts'

export type MediaRequest =
  | { readonly method: 'relayOffer'; readonly request: RelayOffer }
  | { readonly method: 'relayAnswer'; readonly request: RelayRequest }
  | { readonly method: 'withdrawOffer'; readonly request: WithdrawOffer }
  | { readonly method: 'answerHere'; readonly request: AnswerHere }
  | { readonly method: 'connect'; readonly request: ConnectRequest }
  | { readonly method: 'feed'; readonly media: MediaId; readonly source: MediaSource | undefined }
  | { readonly method: 'release'; readonly media: readonly MediaId[] }
  | {
      readonly method: 'resume'
      readonly media: readonly MediaId[]
      /** The release before says nothing of it. */
      readonly agreed?: readonly MediaId[]
    }
  /** What the leg described last, so that it can be restated to another server. */
  | { readonly method: 'describe'; readonly media: MediaId }
  /** Which there are. */
  | { readonly method: 'sessions' }
  | { readonly method: 'status' }
  /** No new sessions from now on. */
  | { readonly method: 'drain' }

/** What a request is answered with. */
export type Answers = {
  relayOffer: Result<Sdp, MediaFailure>
  relayAnswer: Result<Sdp, MediaFailure>
  withdrawOffer: Result<void, MediaFailure>
  answerHere: Result<Sdp, MediaFailure>
  connect: Result<Sdp | undefined, MediaFailure>
  feed: Result<void, MediaFailure>
  release: readonly MediaReport[]
  resume: boolean
  describe: Result<Sdp, MediaFailure>
  sessions: readonly MediaId[]
  status: MediaStatus
  drain: void
}
export type Answer = Answers[keyof Answers]

export type MediaStatus = {
  /** How packets are moved: `batched` by the add-on, or `dgram`. */
  readonly path: 'batched' | 'dgram'
  readonly sessions: number
  readonly playing: number
  /** Port pairs lent to streams, resting after use, open and ready, and never opened. */
  readonly ports: {
    readonly lent: number
    readonly resting: number
    readonly ready: number
    readonly closed: number
  }
  readonly packets: {
    readonly received: number
    readonly sent: number
    readonly relayed: number
    /** From a source that is not the stream's: injection, or a phone that moved unannounced. */
    readonly refused: number
    readonly stray: number
  }
  /** Paced frames let go because the worker was held up. */
  readonly framesSkipped: number
}

/** How a worker is started. */
export type WorkerSetup = {
  readonly addresses: Addresses
  readonly ports: PortRange
  /** Milliseconds without a packet before `rtp-timeout`. */
  readonly silenceLimit: number
  /** The native add-on's file; undefined for plain sockets. */
  readonly nativePath: string | undefined
  /** WAV files by name without `.wav`: `en/not-available`. */
  readonly prompts: readonly (readonly [name: string, bytes: Uint8Array])[]
}

export type ToWorker = readonly { readonly id: number; readonly request: MediaRequest }[]
export type FromWorker = readonly Message[]
export type Message =
  | { readonly kind: 'started'; readonly path: 'batched' | 'dgram' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'event'; readonly event: MediaEvent }
  | {
      readonly kind: 'log'
      readonly level: LogLevel
      readonly event: string
      readonly fields: Fields
    }
