//! `MediaControl` over a worker thread of this process. A worker that dies is started again; its
//! sessions are told as lost.

import type { Cancel, Host } from '../base/host.ts'
import { err, ok, type Result } from '../base/result.ts'
import { after, millis } from '../base/time.ts'
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
} from '../control/media-control.ts'
import type { MediaStatus, WorkerSetup } from './protocol.ts'
import { WorkerLink } from './worker-link.ts'

export type MediaOptions = {
  readonly entry?: URL | string
  readonly setup: WorkerSetup
  readonly host: Host
}

const UNREACHABLE = err({ kind: 'unreachable' } as const)
const RESTART_AFTER = millis(200)
const RESTART_AFTER_MAX = millis(10_000)

/** Runs when the worker has its first ports; the error says how to mend what is wrong. */
export async function startMedia(options: MediaOptions): Promise<Result<MediaClient, string>> {
  const client = new MediaClient(options)
  const failure = await client.start()
  return failure === undefined ? ok(client) : err(failure)
}

export class MediaClient implements MediaControl {
  readonly #options: MediaOptions
  readonly #listeners = new Set<(event: MediaEvent) => void>()
  /** Sessions that live in the worker, as far as was answered. */
  readonly #sessions = new Set<MediaId>()
  #link: WorkerLink | undefined
  #delay: number = RESTART_AFTER
  #stopped = false
  #draining = false

  constructor(options: MediaOptions) {
    this.#options = options
  }

  readonly events = (listener: (event: MediaEvent) => void): Cancel => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async relayOffer(request: RelayOffer): Promise<Result<Sdp, MediaFailure>> {
    const answer = await this.#call({ method: 'relayOffer', request })
    if (answer === 'unreachable') return UNREACHABLE
    if (answer.ok) this.#sessions.add(request.from).add(request.to)
    return answer
  }

  async relayAnswer(request: RelayRequest): Promise<Result<Sdp, MediaFailure>> {
    const answer = await this.#call({ method: 'relayAnswer', request })
    return answer === 'unreachable' ? UNREACHABLE : answer
  }

  async withdrawOffer(request: WithdrawOffer): Promise<Result<void, MediaFailure>> {
    const answer = await this.#call({ method: 'withdrawOffer', request })
    return answer === 'unreachable' ? UNREACHABLE : answer
  }

  async answerHere(request: AnswerHere): Promise<Result<Sdp, MediaFailure>> {
    const answer = await this.#call({ method: 'answerHere', request })
    if (answer === 'unreachable') return UNREACHABLE
    if (answer.ok) this.#sessions.add(request.media)
    return answer
  }

  async connect(request: ConnectRequest): Promise<Result<Sdp | undefined, MediaFailure>> {
    const answer = await this.#call({ method: 'connect', request })
    return answer === 'unreachable' ? UNREACHABLE : answer
  }

  async feed(media: MediaId, source: MediaSource | undefined): Promise<Result<void, MediaFailure>> {
    const answer = await this.#call({ method: 'feed', media, source })
    return answer === 'unreachable' ? UNREACHABLE : answer
  }

  /** A worker that cannot be reached has no counters to give: zeros. */
  async release(media: readonly MediaId[]): Promise<readonly MediaReport[]> {
    for (const id of media) this.#sessions.delete(id)
    const answer = await this.#call({ method: 'release', media })
    return answer === 'unreachable' ? media.map(emptyReport) : answer
  }

  /** Undefined while the worker cannot be reached. */
  async status(): Promise<MediaStatus | undefined> {
    const answer = await this.#call({ method: 'status' })
    return answer === 'unreachable' ? undefined : answer
  }

  /** No new sessions from now on; those that are go on. */
  async drain(): Promise<void> {
    this.#draining = true
    await this.#call({ method: 'drain' })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#link?.stop()
    this.#tellLost()
  }

  /** Undefined when the worker runs, else why it cannot. */
  start(): Promise<string | undefined> {
    const { setup, host } = this.#options
    const entry = this.#options.entry ?? new URL('./worker.ts', import.meta.url)
    return new Promise((resolve) => {
      const onEvent = (event: MediaEvent): void => this.#tell(event)
      const onDeath = (cause: string): void => {
        // One that never started is its starter's to try again.
        if (this.#link === link) this.#onDeath(cause)
      }
      const link = new WorkerLink({ entry, setup, host, onEvent, onDeath }, (path, failure) => {
        if (failure === undefined) {
          this.#link = link
          this.#delay = RESTART_AFTER
          host.log('info', 'media.started', { path, pid: process.pid })
          if (this.#draining) void this.drain()
        }
        resolve(failure)
      })
    })
  }

  #call<R extends Parameters<WorkerLink['call']>[0]>(
    request: R,
  ): ReturnType<typeof WorkerLink.prototype.call<R>> {
    return this.#link?.call(request) ?? Promise.resolve('unreachable')
  }

  #tell(event: MediaEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #tellLost(): void {
    const media = [...this.#sessions]
    this.#sessions.clear()
    if (media.length > 0) this.#tell({ kind: 'lost', media })
  }

  #onDeath(cause: string): void {
    const { host } = this.#options
    this.#link = undefined
    host.log('error', 'media.died', { cause, sessions: this.#sessions.size })
    this.#tellLost()
    this.#restart()
  }

  #restart(): void {
    if (this.#stopped) return
    const { host } = this.#options
    const delay = this.#delay
    this.#delay = Math.min(2 * delay, RESTART_AFTER_MAX)
    host.wake(after(host.now(), millis(delay)), () => {
      if (this.#stopped) return
      void this.start().then((failure) => {
        if (failure === undefined) return
        host.log('error', 'media.not-started', { cause: failure })
        this.#restart()
      })
    })
  }
}

function emptyReport(media: MediaId): MediaReport {
  const none = { packets: 0, octets: 0, lost: 0, jitter: 0 }
  return { media, received: none, sent: none, codec: undefined }
}
