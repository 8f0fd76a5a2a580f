//! `MediaControl` over whoever carries out requests: a worker thread, a server of its own, several
//! of them.

import { err, type Result } from '../base/result.ts'
import type {
  AnswerHere,
  ConnectRequest,
  MediaControl,
  MediaFailure,
  MediaId,
  MediaReport,
  MediaSource,
  RelayOffer,
  RelayRequest,
  Sdp,
  WithdrawOffer,
} from '../control/media-control.ts'
import type { Answers, MediaRequest } from './protocol.ts'

const UNREACHABLE = err({ kind: 'unreachable' } as const)

/** `unreachable`: no answer in time; what became of the request is not known. */
export type Asked<R extends MediaRequest> = Promise<Answers[R['method']] | 'unreachable'>

/** Whoever carries out requests. */
export interface MediaCarrier {
  ask<R extends MediaRequest>(request: R): Asked<R>
  readonly events: MediaControl['events']
}

export class MediaByRequests implements MediaControl {
  readonly events: MediaControl['events']
  readonly #carrier: MediaCarrier

  constructor(carrier: MediaCarrier) {
    this.#carrier = carrier
    this.events = carrier.events
  }

  async relayOffer(request: RelayOffer): Promise<Result<Sdp, MediaFailure>> {
    return reached(await this.#carrier.ask({ method: 'relayOffer', request }))
  }

  async relayAnswer(request: RelayRequest): Promise<Result<Sdp, MediaFailure>> {
    return reached(await this.#carrier.ask({ method: 'relayAnswer', request }))
  }

  async withdrawOffer(request: WithdrawOffer): Promise<Result<void, MediaFailure>> {
    return reached(await this.#carrier.ask({ method: 'withdrawOffer', request }))
  }

  async answerHere(request: AnswerHere): Promise<Result<Sdp, MediaFailure>> {
    return reached(await this.#carrier.ask({ method: 'answerHere', request }))
  }

  async connect(request: ConnectRequest): Promise<Result<Sdp | undefined, MediaFailure>> {
    return reached(await this.#carrier.ask({ method: 'connect', request }))
  }

  async feed(media: MediaId, source: MediaSource | undefined): Promise<Result<void, MediaFailure>> {
    return reached(await this.#carrier.ask({ method: 'feed', media, source }))
  }

  async resume(media: readonly MediaId[], agreed: readonly MediaId[]): Promise<boolean> {
    return (await this.#carrier.ask({ method: 'resume', media, agreed })) === true
  }

  /** Who cannot be reached has no counters to give: zeros. */
  async release(media: readonly MediaId[]): Promise<readonly MediaReport[]> {
    const answer = await this.#carrier.ask({ method: 'release', media })
    return answer === 'unreachable' ? media.map(emptyReport) : answer
  }
}

export function emptyReport(media: MediaId): MediaReport {
  const none = { packets: 0, octets: 0, lost: 0, jitter: 0 }
  return { media, received: none, sent: none, codec: undefined }
}

function reached<T>(answer: Result<T, MediaFailure> | 'unreachable'): Result<T, MediaFailure> {
  return answer === 'unreachable' ? UNREACHABLE : answer
}
