//! One media worker thread as seen from outside: requests out in batches, answers back, a deadline
//! for each.

import { Worker } from 'node:worker_threads'
import type { Host } from '../base/host.ts'
import { after, millis, type Millis } from '../base/time.ts'
import type { MediaEvent } from '../control/media-control.ts'
import type {
  Answer,
  Answers,
  FromWorker,
  MediaRequest,
  Message,
  ToWorker,
  WorkerSetup,
} from './protocol.ts'

export type LinkOptions = {
  /** The worker's module: a URL in development, a file unpacked from the executable. */
  readonly entry: URL | string
  readonly setup: WorkerSetup
  readonly host: Host
  readonly onEvent: (event: MediaEvent) => void
  /** The thread ended without being asked to. */
  readonly onDeath: (cause: string) => void
}

type Waiting = { readonly resolve: (answer: Answer | 'unreachable') => void; readonly due: Millis }

/** Longer than any pause of the worker that a call survives; shorter than SIP's 32 s. */
const ANSWER_WITHIN = millis(5000)
const STOP_WITHIN = millis(5000)

export class WorkerLink {
  readonly #options: LinkOptions
  readonly #worker: Worker
  /** By request id, oldest first. */
  readonly #waiting = new Map<number, Waiting>()
  #outbox: { id: number; request: MediaRequest }[] = []
  #flushing = false
  #nextId = 1
  #watching = false
  #ended = false
  #failure: string | undefined
  readonly #exited: Promise<void>

  /** `onStarted` gets how packets are moved, or why the worker cannot work. */
  constructor(options: LinkOptions, onStarted: (path: string, reason: string | undefined) => void) {
    this.#options = options
    const { entry, setup } = options
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

  /** `unreachable`: no answer in time, or the worker died; what became of it is not known. */
  call<R extends MediaRequest>(request: R): Promise<Answers[R['method']] | 'unreachable'> {
    if (this.#ended) return Promise.resolve('unreachable')
    const id = this.#nextId++
    this.#outbox.push({ id, request })
    if (!this.#flushing) {
      this.#flushing = true
      setImmediate(this.#flush)
    }
    return new Promise((resolve) => {
      const due = after(this.#options.host.now(), ANSWER_WITHIN)
      // Decoder: the worker answers a request by its method's type.
      this.#waiting.set(id, { due, resolve: resolve as Waiting['resolve'] })
      if (!this.#watching) this.#watch(due)
    })
  }

  /** Ends the thread: politely, then by force. */
  async stop(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#worker.postMessage('stop')
    const { host } = this.#options
    const cancel = host.wake(after(host.now(), STOP_WITHIN), () => void this.#worker.terminate())
    await this.#exited
    cancel()
    this.#giveUp()
  }

  readonly #flush = (): void => {
    this.#flushing = false
    const batch: ToWorker = this.#outbox
    this.#outbox = []
    if (!this.#ended) this.#worker.postMessage(batch)
  }

  #receive(message: Message, onStarted: (path: string, reason: string | undefined) => void): void {
    switch (message.kind) {
      case 'answer': {
        const waiting = this.#waiting.get(message.id)
        this.#waiting.delete(message.id)
        waiting?.resolve(message.answer)
        return
      }
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

  #onExit(code: number, onStarted: (path: string, reason: string | undefined) => void): void {
    const cause = this.#failure ?? `the worker exited with code ${code}`
    onStarted('', cause)
    if (this.#ended) return
    this.#ended = true
    this.#giveUp()
    this.#options.onDeath(cause)
  }

  #giveUp(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { resolve } of waiting) resolve('unreachable')
  }

  /** One timer for the oldest request; answered ones are gone by the time it fires. */
  #watch(at: Millis): void {
    this.#watching = true
    this.#options.host.wake(at, () => {
      this.#watching = false
      const now = this.#options.host.now()
      for (const [id, { due, resolve }] of this.#waiting) {
        if (due > now) return this.#watch(due)
        this.#waiting.delete(id)
        resolve('unreachable')
      }
    })
  }
}
