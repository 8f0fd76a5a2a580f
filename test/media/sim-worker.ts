//! A media worker as its process sees it, without a thread: while it hangs, what is asked of it
//! lies in its queue, and whoever asked hears after a while that it cannot be reached. It is done
//! all the same once the worker goes on.

import type { Host } from '../../src/base/host.ts'
import type { MediaEvent } from '../../src/control/media-control.ts'
import type { Asked, MediaCarrier } from '../../src/media/by-requests.ts'
import type { MediaRequest } from '../../src/media/protocol.ts'
import { WaitingRequests } from '../../src/media/waiting.ts'

export class SimWorker implements MediaCarrier {
  readonly events: MediaCarrier['events']
  readonly #engine: MediaCarrier
  readonly #waiting: WaitingRequests
  readonly #queue: (() => void)[] = []
  #hangs = false

  constructor(host: Host, engine: MediaCarrier) {
    this.#engine = engine
    this.#waiting = new WaitingRequests(host)
    this.events = (listener) => {
      const tell = (event: MediaEvent): void => this.#inTurn(() => listener(event))
      return engine.events(tell)
    }
  }

  ask<R extends MediaRequest>(request: R): Asked<R> {
    const { id, answer } = this.#waiting.add(request)
    this.#inTurn(
      () => void this.#engine.ask(request).then((done) => this.#waiting.settle(id, done)),
    )
    return answer
  }

  hang(): void {
    this.#hangs = true
  }

  goOn(): void {
    this.#hangs = false
    for (const each of this.#queue.splice(0)) each()
  }

  /** With all that it carries; the next one is there at once. */
  async die(): Promise<void> {
    this.#hangs = false
    this.#queue.length = 0
    this.#waiting.giveUp()
    const media = await this.#engine.ask({ method: 'sessions' })
    if (media !== 'unreachable') await this.#engine.ask({ method: 'release', media })
  }

  #inTurn(run: () => void): void {
    if (this.#hangs) this.#queue.push(run)
    else run()
  }
}
