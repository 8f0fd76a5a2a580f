//! `MediaControl` over a worker thread of this process. A worker that dies, or hangs, is
//! started again; its sessions are told as lost.

import type { Cancel, Host } from '../base/host.ts'
import { err, ok, type Result } from '../base/result.ts'
import { after, millis } from '../base/time.ts'
import type { MediaEvent, MediaId } from '../control/media-control.ts'
import type { Asked, MediaCarrier } from './by-requests.ts'
import type { Answer, MediaRequest, MediaStatus, WorkerSetup } from './protocol.ts'
import { WorkerLink } from './worker-link.ts'

export type MediaOptions = {
  readonly entry?: URL | string
  readonly setup: WorkerSetup
  readonly host: Host
}

const RESTART_AFTER = millis(200)
const RESTART_AFTER_MAX = millis(10_000)

/** Runs when the worker has its first ports; the error says how to mend what is wrong. */
export async function startMedia(options: MediaOptions): Promise<Result<MediaClient, string>> {
  const client = new MediaClient(options)
  const failure = await client.start()
  return failure === undefined ? ok(client) : err(failure)
}

export class MediaClient implements MediaCarrier {
  readonly #options: MediaOptions
  readonly #listeners = new Set<(event: MediaEvent) => void>()
  /** Sessions that live in the worker, as far as was answered. */
  readonly #sessions = new Set<MediaId>()
  #link: WorkerLink | undefined
  /** Not yet `#link`: it has not said that it works. */
  #starting: WorkerLink | undefined
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

  async ask<R extends MediaRequest>(request: R): Asked<R> {
    if (request.method === 'release') for (const id of request.media) this.#sessions.delete(id)
    const answer = await (this.#link?.call(request) ?? 'unreachable')
    if (isDone(answer)) this.#count(request)
    return answer
  }

  /** Undefined while the worker cannot be reached. */
  async status(): Promise<MediaStatus | undefined> {
    const answer = await this.ask({ method: 'status' })
    return answer === 'unreachable' ? undefined : answer
  }

  /** No new sessions from now on; those that are go on. */
  async drain(): Promise<void> {
    this.#draining = true
    await this.ask({ method: 'drain' })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([this.#link?.stop(), this.#starting?.stop()])
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
        if (this.#starting === link) this.#starting = undefined
        if (failure === undefined && !this.#stopped) {
          this.#link = link
          this.#delay = RESTART_AFTER
          host.log('info', 'media.started', { path, pid: process.pid })
          if (this.#draining) void this.drain()
        }
        resolve(failure)
      })
      this.#starting = link
    })
  }

  #count(request: MediaRequest): void {
    if (request.method === 'answerHere') this.#sessions.add(request.request.media)
    if (request.method !== 'relayOffer') return
    this.#sessions.add(request.request.from).add(request.request.to)
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
        if (failure === undefined || this.#stopped) return
        host.log('error', 'media.not-started', { cause: failure })
        this.#restart()
      })
    })
  }
}

function isDone(answer: Answer | 'unreachable'): boolean {
  return typeof answer === 'object' && 'ok' in answer && answer.ok
}
