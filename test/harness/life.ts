//! What one process has of a simulated world: a clock of its own, and no effect after its death.

import type { Host } from '../../src/base/host.ts'
import { millis, type Millis } from '../../src/base/time.ts'
import type { MediaControl } from '../../src/control/media-control.ts'
import type { SipTransport } from '../../src/sip/stack/sip-transport.ts'
import type { Store } from '../../src/store/store.ts'
import type { World } from './world.ts'

/** How long its host was up when it began. */
const UPTIME = 5_000

export class Life {
  alive = true
  readonly #world: World
  readonly #began: Millis

  constructor(world: World) {
    this.#world = world
    // The first one has the world's own clock.
    this.#began = millis(Math.max(0, world.now - UPTIME))
  }

  host(name: string): Host {
    const host = this.#world.host(name)
    return {
      ...host,
      now: () => millis(host.now() - this.#began),
      wake: (at, run) =>
        host.wake(millis(at + this.#began), () => {
          if (this.alive) run()
        }),
    }
  }

  transport(transport: SipTransport): SipTransport {
    return {
      received: transport.received,
      failed: transport.failed,
      flowClosed: transport.flowClosed,
      localAddress: (to) => transport.localAddress(to),
      send: (to, message, bytes) => {
        if (this.alive) transport.send(to, message, bytes)
      },
    }
  }

  store(store: Store): Store {
    return {
      read: (query) => store.read(query),
      readLinearizable: (query) => store.readLinearizable(query),
      applied: store.applied,
      propose: (command) => this.#until(() => store.propose(command)),
      close: () => store.close(),
    }
  }

  media(media: MediaControl): MediaControl {
    return {
      events: media.events,
      relayOffer: (request) => this.#until(() => media.relayOffer(request)),
      relayAnswer: (request) => this.#until(() => media.relayAnswer(request)),
      withdrawOffer: (request) => this.#until(() => media.withdrawOffer(request)),
      answerHere: (request) => this.#until(() => media.answerHere(request)),
      connect: (request) => this.#until(() => media.connect(request)),
      feed: (id, source) => this.#until(() => media.feed(id, source)),
      resume: (ids, agreed) => this.#until(() => media.resume(ids, agreed)),
      release: (ids) => this.#until(() => media.release(ids)),
    }
  }

  /** Whoever is dead hears nothing. */
  async #until<T>(ask: () => Promise<T>): Promise<T> {
    if (!this.alive) return never()
    const answer = await ask()
    return this.alive ? answer : never()
  }
}

/** One for each: it would keep all that waits for it, and a run is of thousands of worlds. */
const never = (): Promise<never> => new Promise(() => undefined)
