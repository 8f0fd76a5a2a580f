//! A media worker as its process sees it, without a thread: while it hangs, what is asked of it
//! lies in its queue, and whoever asked hears after a while that it cannot be reached. It is done
//! all the same once the worker goes on, unless it was ended by then.

import type { Host } from '../../src/base/host.ts'
import type { MediaEvent } from '../../src/control/media-control.ts'
import type { Asked, MediaCarrier } from '../../src/media/by-requests.ts'
import type { MediaRequest } from '../../src/media/protocol.ts'
import { WaitingRequests } from '../../src/media/waiting.ts'
import { Watchdog } from '../../src/media/watchdog.ts'

export class SimWorker implements MediaCarrier {
  readonly #host: Host
  readonly #engine: MediaCarrier
  readonly #waiting: WaitingRequests
  readonly #listeners = new Set<(event: MediaEvent) => void>()
  readonly #queue: (() => void)[] = []
  #watchdog: Watchdog
  #hangs = false
  #isEnded = true

  constructor(host: Host, engine: MediaCarrier) {
    this.#host = host
    this.#engine = engine
    this.#waiting = new WaitingRequests(host)
    this.#watchdog = this.#watched()
    engine.events((event) => this.#inTurn(() => this.#tell(event)))
  }

  readonly events: MediaCarrier['events'] = (listener) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  ask<R extends MediaRequest>(request: R): Asked<R> {
    const { id, answer } = this.#waiting.add(request)
    const watchdog = this.#watchdog
    watchdog.asked()
    this.#inTurn(
      () =>
        void this.#engine.ask(request).then((done) => {
          watchdog.answered()
          this.#waiting.settle(id, done)
        }),
    )
    return answer
  }

  /** One of a release before is not ended by its process. */
  hang(isEnded = true): void {
    this.#hangs = true
    this.#isEnded = isEnded
  }

  goOn(): void {
    this.#hangs = false
    for (const each of this.#queue.splice(0)) each()
  }

  /** With all that it carries, which is told as lost; the next one is there at once. */
  async die(): Promise<void> {
    this.#hangs = false
    this.#queue.length = 0
    this.#watchdog.stop()
    this.#watchdog = this.#watched()
    this.#waiting.giveUp()
    const media = await this.#engine.ask({ method: 'sessions' })
    if (media === 'unreachable' || media.length === 0) return
    await this.#engine.ask({ method: 'release', media })
    this.#tell({ kind: 'lost', media })
  }

  #watched(): Watchdog {
    return new Watchdog(this.#host, () => {
      if (this.#isEnded) void this.die()
    })
  }

  #tell(event: MediaEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  #inTurn(run: () => void): void {
    if (this.#hangs) this.#queue.push(run)
    else run()
  }
}
