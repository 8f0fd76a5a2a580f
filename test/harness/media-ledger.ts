//! A MediaControl in front of another: answers after a simulated delay, and keeps the books for the
//! duty checkers: which sessions are open, and who hears whom.

import { err, type Result } from '../../src/base/result.ts'
import { millis, type Millis } from '../../src/base/time.ts'
import type {
  AnswerHere,
  ConnectRequest,
  MediaControl,
  MediaEvent,
  MediaFailure,
  MediaId,
  MediaReport,
  MediaSource,
  RelayOffer,
  RelayRequest,
  Sdp,
  WithdrawOffer,
} from '../../src/control/media-control.ts'
import { emptyReport } from '../../src/media/by-requests.ts'
import type { World } from './world.ts'

export class MediaLedger implements MediaControl {
  /** Open sessions, each with whom it is connected to. */
  readonly sessions = new Map<MediaId, MediaId | undefined>()
  readonly events: MediaControl['events']
  readonly #listeners = new Set<(event: MediaEvent) => void>()
  delay: Millis
  /** Answers nothing but this failure. */
  failing = false
  /** Sessions of which a successor hears late, in ms. */
  readonly late = new Map<MediaId, number>()
  #died = 0
  readonly #world: World
  readonly #media: MediaControl

  constructor(world: World, media: MediaControl, delay: Millis) {
    this.#world = world
    this.#media = media
    this.delay = delay
    this.events = (listener) => {
      const unlisten = media.events(listener)
      this.#listeners.add(listener)
      return () => {
        this.#listeners.delete(listener)
        unlisten()
      }
    }
  }

  areConnected(a: MediaId, b: MediaId): boolean {
    return this.sessions.get(a) === b && this.sessions.get(b) === a
  }

  relayOffer(request: RelayOffer): Promise<Result<Sdp, MediaFailure>> {
    return this.#later(async () => {
      const result = await this.#media.relayOffer(request)
      if (result.ok) this.#open(request.from, request.to)
      return result
    })
  }

  relayAnswer(request: RelayRequest): Promise<Result<Sdp, MediaFailure>> {
    return this.#later(async () => {
      const result = await this.#media.relayAnswer(request)
      if (result.ok) this.#join(request.from, request.to)
      return result
    })
  }

  withdrawOffer(request: WithdrawOffer): Promise<Result<void, MediaFailure>> {
    return this.#later(() => this.#media.withdrawOffer(request))
  }

  answerHere(request: AnswerHere): Promise<Result<Sdp, MediaFailure>> {
    return this.#later(async () => {
      const result = await this.#media.answerHere(request)
      if (result.ok) this.#open(request.media)
      return result
    })
  }

  connect(request: ConnectRequest): Promise<Result<Sdp | undefined, MediaFailure>> {
    return this.#later(async () => {
      const result = await this.#media.connect(request)
      if (result.ok) this.#join(request.a, request.b)
      return result
    })
  }

  feed(media: MediaId, source: MediaSource | undefined): Promise<Result<void, MediaFailure>> {
    return this.#later(() => this.#media.feed(media, source))
  }

  resume(media: readonly MediaId[], agreed: readonly MediaId[]): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const late = Math.max(0, ...media.map((each) => this.late.get(each) ?? 0))
    this.#world.in(
      millis(this.delay + late),
      () => void this.#media.resume(media, agreed).then(resolve),
    )
    return promise
  }

  async release(media: readonly MediaId[]): Promise<readonly MediaReport[]> {
    const { promise, resolve } = Promise.withResolvers<readonly MediaReport[]>()
    const died = this.#died
    this.#world.in(this.delay, () => {
      if (died !== this.#died) return resolve(media.map(emptyReport))
      for (const each of media) this.sessions.delete(each)
      void this.#media.release(media).then(resolve)
    })
    return promise
  }

  /** The server has died, and another is there that knows of nothing. What was asked fails. */
  forget(): void {
    this.#died++
    void this.#media.release([...this.sessions.keys()])
    this.sessions.clear()
  }

  /** As `forget`, and whoever listens hears of it. */
  die(): void {
    const media = [...this.sessions.keys()]
    this.forget()
    for (const listener of this.#listeners) listener({ kind: 'lost', media })
  }

  #later<T>(run: () => Promise<Result<T, MediaFailure>>): Promise<Result<T, MediaFailure>> {
    const { promise, resolve } = Promise.withResolvers<Result<T, MediaFailure>>()
    const died = this.#died
    this.#world.in(this.delay, () => {
      if (this.failing || died !== this.#died) resolve(err({ kind: 'unreachable' }))
      else void run().then(resolve)
    })
    return promise
  }

  #open(...media: readonly MediaId[]): void {
    for (const each of media) if (!this.sessions.has(each)) this.sessions.set(each, undefined)
  }

  #join(a: MediaId, b: MediaId): void {
    this.sessions.set(a, b)
    this.sessions.set(b, a)
  }
}
