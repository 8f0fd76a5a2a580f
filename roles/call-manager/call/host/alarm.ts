//! One timer for many calls: a heap of their deadlines, and the earliest of them armed.

import type { Cancel, Host } from '../../../../src/base/host.ts'
import { DeadlineHeap } from '../../../../src/base/heap.ts'
import type { Millis } from '../../../../src/base/time.ts'
import type { LiveCall } from './live-call.ts'

export class Alarm {
  readonly #host: Host
  readonly #due: (live: LiveCall) => void
  readonly #stuck: (live: LiveCall) => void
  readonly #deadlines = new DeadlineHeap<LiveCall>()
  #at: Millis | undefined
  #unwake: Cancel | undefined

  /** `stuck`: a call that leaves a fired deadline armed is a bug, and must not be a busy loop. */
  constructor(host: Host, due: (live: LiveCall) => void, stuck: (live: LiveCall) => void) {
    this.#host = host
    this.#due = due
    this.#stuck = stuck
  }

  set(live: LiveCall, at: Millis | undefined): void {
    this.#deadlines.set(live.deadline, at)
  }

  remove(live: LiveCall): void {
    this.#deadlines.remove(live.deadline)
  }

  /** After any number of changes. */
  rearm(): void {
    const at = this.#deadlines.first()?.at
    if (at === this.#at) return
    // An earlier wake-up than needed does no harm: it finds nothing to do, and arms the right one.
    if (at !== undefined && this.#at !== undefined && this.#at < at) return
    this.#unwake?.()
    this.#at = at
    this.#unwake = at === undefined ? undefined : this.#host.wake(at, () => this.#onWake())
  }

  stop(): void {
    this.#unwake?.()
  }

  #onWake(): void {
    this.#at = undefined
    const now = this.#host.now()
    for (
      let first = this.#deadlines.first();
      first !== undefined;
      first = this.#deadlines.first()
    ) {
      if (first.at > now) break
      const live = first.owner
      this.#due(live)
      if (live.deadline.at <= now && live.deadline.position !== -1) {
        this.#deadlines.remove(live.deadline)
        this.#stuck(live)
      }
    }
    this.rearm()
  }
}
