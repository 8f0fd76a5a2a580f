//! One media worker thread as seen from outside: requests out in batches, answers back, a deadline
//! for each. One that hangs is ended.

import { Worker } from 'node:worker_threads'
import type { Host } from '../base/host.ts'
import { after, millis } from '../base/time.ts'
import type { MediaEvent } from '../control/media-control.ts'
import type { Asked } from './by-requests.ts'
import type { FromWorker, MediaRequest, Message, ToWorker, WorkerSetup } from './protocol.ts'
import { WaitingRequests } from './waiting.ts'
import { Watchdog } from './watchdog.ts'

export type LinkOptions = {
  /** The worker's module: a URL in development, a file unpacked from the executable. */
  readonly entry: URL | string
  readonly setup: WorkerSetup
  readonly host: Host
  readonly onEvent: (event: MediaEvent) => void
  /** The thread ended by itself, or was ended because it hung. */
  readonly onDeath: (cause: string) => void
}

const STOP_WITHIN = millis(5000)

export class WorkerLink {
  readonly #options: LinkOptions
  readonly #worker: Worker
  readonly #waiting: WaitingRequests
  readonly #watchdog: Watchdog
  #outbox: { id: number; request: MediaRequest }[] = []
  #flushing = false
  #ended = false
  #failure: string | undefined
  readonly #exited: Promise<void>

  /** `onStarted` gets how packets are moved, or why the worker cannot work. */
  constructor(options: LinkOptions, onStarted: (path: string, reason: string | undefined) => void) {
    this.#options = options
    const { entry, setup, host } = options
    this.#waiting = new WaitingRequests(host)
    this.#watchdog = new Watchdog(host, () => this.#onHung())
    this.#worker = new Worker(entry, { workerData: setup, name: 'media' })
    this.#worker.on('message', (batch: FromWorker) => {
      for (const message of batch) this.#receive(message, onStarted)
    })
    this.#worker.on('error', (error) => {
      this.#failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#onExit(code, onStarted)
        resolve()
      })
    })
  }

  call<R extends MediaRequest>(request: R): Asked<R> {
    if (this.#ended) return Promise.resolve('unreachable')
    const { id, answer } = this.#waiting.add(request)
    this.#outbox.push({ id, request })
    this.#watchdog.asked()
    if (!this.#flushing) {
      this.#flushing = true
      setImmediate(this.#flush)
    }
    return answer
  }

  /** Ends the thread: politely, then by force. */
  async stop(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#watchdog.stop()
    this.#worker.postMessage('stop')
    const { host } = this.#options
    const cancel = host.wake(after(host.now(), STOP_WITHIN), () => void this.#worker.terminate())
    await this.#exited
    cancel()
    this.#waiting.giveUp()
  }

  readonly #flush = (): void => {
    this.#flushing = false
    const batch: ToWorker = this.#outbox
    this.#outbox = []
    if (!this.#ended) this.#worker.postMessage(batch)
  }

  #receive(message: Message, onStarted: (path: string, reason: string | undefined) => void): void {
    switch (message.kind) {
      case 'answer':
        this.#watchdog.answered()
        return this.#waiting.settle(message.id, message.answer)
      case 'event':
        return this.#options.onEvent(message.event)
      case 'log':
        return this.#options.host.log(message.level, message.event, message.fields)
      case 'started':
        return onStarted(message.path, undefined)
      case 'failed':
        return onStarted('', message.reason)
    }
  }

  #onHung(): void {
    this.#failure = 'the worker had not answered for eight seconds, and was ended'
    void this.#worker.terminate()
  }

  #onExit(code: number, onStarted: (path: string, reason: string | undefined) => void): void {
    const cause = this.#failure ?? `the worker exited with code ${code}`
    onStarted('', cause)
    if (this.#ended) return
    this.#ended = true
    this.#watchdog.stop()
    this.#waiting.giveUp()
    this.#options.onDeath(cause)
  }
}
