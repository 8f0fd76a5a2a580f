//! The real world for phones that are their own programs, and what their ends have in common.

import type { Cancel } from '../../src/base/host.ts'
import { after, type Millis } from '../../src/base/time.ts'
import { realHost } from '../../src/observe/real-host.ts'
import type { Surroundings } from './world.ts'

export function realSurroundings(): Surroundings {
  const host = realHost(() => undefined)
  return {
    get now(): Millis {
      return host.now()
    },
    at: (at, act) => host.wake(at, act),
    in: (delay, act) => host.wake(after(host.now(), delay), act),
    host: () => host,
  }
}

export function subscribe<Event>(
  listeners: Set<(event: Event) => void>,
  listener: (event: Event) => void,
): Cancel {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
