//! Tells of a worker that hangs: it was asked, and answers nothing. Counted in turns of the thread
//! that asks, for while that one stands still answers lie unread: alone, or with all its process.

import type { Cancel, Host } from '../base/host.ts'
import { after, seconds } from '../base/time.ts'

const TURN = seconds(1)
/** Five until a request is given up, and three in which one that is only slow is heard of again. */
const SILENT_TURNS = 8

export class Watchdog {
  readonly #host: Host
  readonly #onHung: () => void
  #unanswered = 0
  #silent = 0
  #unwake: Cancel | undefined

  constructor(host: Host, onHung: () => void) {
    this.#host = host
    this.#onHung = onHung
  }

  asked(): void {
    this.#unanswered++
    if (this.#unwake === undefined) this.#watch()
  }

  /** Also what nobody waits for any more. */
  answered(): void {
    this.#unanswered--
    this.#silent = 0
  }

  stop(): void {
    this.#unwake?.()
  }

  #watch(): void {
    this.#unwake = this.#host.wake(after(this.#host.now(), TURN), () => {
      this.#unwake = undefined
      if (this.#unanswered === 0) return
      if (this.#silent === SILENT_TURNS) return this.#onHung()
      this.#silent++
      this.#watch()
    })
  }
}
