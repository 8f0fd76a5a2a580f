//! MediaControl without sockets and threads: the real engine on a simulated hub, in virtual time.

import type { Host } from '../../src/base/host.ts'
import type { MediaControl, MediaEvent } from '../../src/control/media-control.ts'
import { MediaByRequests, type Asked, type MediaCarrier } from '../../src/media/by-requests.ts'
import { MediaEngine } from '../../src/media/engine.ts'
import type { Answers, MediaRequest } from '../../src/media/protocol.ts'
import { Sounds } from '../../src/media/sounds.ts'
import { G722, PCMA, PCMU } from '../../src/media/voices.ts'
import type { World } from '../harness/world.ts'
import { SimHub } from './sim-hub.ts'

/** A second of silence stands for the prompt, so that its end comes when it would. */
const PROMPT = { rate: 8000, samples: new Int16Array(8000) } as const

export type SimMedia = {
  readonly control: MediaControl
  readonly carrier: MediaCarrier
  readonly hub: SimHub
}

export async function simMedia(
  world: World,
  name = 'media',
  host: Host = world.host(name),
  address = '10.0.0.5',
): Promise<SimMedia> {
  const listeners = new Set<(event: MediaEvent) => void>()
  const hubs: SimHub[] = []
  const sounds = new Sounds([PCMU, PCMA, G722], new Map([['en/not-available', PROMPT]]))
  const engine = new MediaEngine(
    {
      addresses: { bind: address, publicAddress: undefined },
      ports: { first: 20_000, last: 29_999 },
      silenceLimit: 30_000,
      socketsMax: Number.POSITIVE_INFINITY,
    },
    sounds,
    {
      ...host,
      openHub: (handlers) => {
        const hub = new SimHub(handlers)
        hubs.push(hub)
        return hub
      },
      interfaces: () => [],
      emit: (event) => {
        for (const listener of listeners) listener(event)
      },
    },
  )
  await engine.start()
  const [hub] = hubs
  if (hub === undefined) throw new Error('the engine opened no hub')
  const carrier = new SimCarrier(engine, listeners)
  return { control: new MediaByRequests(carrier), carrier, hub }
}

class SimCarrier implements MediaCarrier {
  readonly events: MediaCarrier['events']
  readonly #engine: MediaEngine

  constructor(engine: MediaEngine, listeners: Set<(event: MediaEvent) => void>) {
    this.#engine = engine
    this.events = (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  }

  ask<R extends MediaRequest>(request: R): Asked<R> {
    return new Promise((resolve) => {
      this.#engine.handle(request, (answer) => resolve(answer as Answers[R['method']]))
    })
  }
}
