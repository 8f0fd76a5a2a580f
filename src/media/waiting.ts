//! Requests that wait for their answers, with one deadline for all of them: whoever was asked and
//! does not answer in time could not be reached.

import type { Host } from '../base/host.ts'
import { after, millis, type Millis } from '../base/time.ts'
import type { Asked } from './by-requests.ts'
import type { Answer, MediaRequest } from './protocol.ts'

type Waiting = {
  readonly request: MediaRequest
  readonly resolve: (answer: Answer | 'unreachable') => void
  readonly due: Millis
}

/** Longer than any pause of the other side that a call survives; shorter than SIP's 32 s. */
const ANSWER_WITHIN = millis(5000)

export class WaitingRequests {
  readonly #host: Host
  /** By id, oldest first. */
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #watching = false

  constructor(host: Host) {
    this.#host = host
  }

  /** Those without an answer, oldest first. */
  *unanswered(): IterableIterator<{ readonly id: number; readonly request: MediaRequest }> {
    for (const [id, { request }] of this.#waiting) yield { id, request }
  }

  add<R extends MediaRequest>(request: R): { readonly id: number; readonly answer: Asked<R> } {
    const id = this.#nextId++
    const answer = new Promise<Awaited<Asked<R>>>((resolve) => {
      const due = after(this.#host.now(), ANSWER_WITHIN)
      // Decoder: a request is answered by its method's type.
      this.#waiting.set(id, { request, due, resolve: resolve as Waiting['resolve'] })
      if (!this.#watching) this.#watch(due)
    })
    return { id, answer }
  }

  /** Undefined when nobody waits for its answer. */
  requestOf(id: number): MediaRequest | undefined {
    return this.#waiting.get(id)?.request
  }

  settle(id: number, answer: Answer | 'unreachable'): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.resolve(answer)
  }

  /** Nobody will answer any more. */
  giveUp(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { resolve } of waiting) resolve('unreachable')
  }

  /** One timer for the oldest request; answered ones are gone by the time it fires. */
  #watch(at: Millis): void {
    this.#watching = true
    this.#host.wake(at, () => {
      this.#watching = false
      const now = this.#host.now()
      for (const [id, { due }] of this.#waiting) {
        if (due > now) return this.#watch(due)
        this.settle(id, 'unreachable')
      }
    })
  }
}
