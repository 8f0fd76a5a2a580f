//! A real host for tests that run the real store: real clock, real timers, a log that is kept.

import type { Fields, Host } from '../../src/base/host.ts'
import { randomFrom } from '../../src/base/random.ts'
import { millis, wallTime } from '../../src/base/time.ts'

export type LoggedEvent = {
  readonly level: string
  readonly event: string
  readonly fields?: Fields | undefined
}

export function realHost(events: LoggedEvent[] = []): Host {
  return {
    now: () => millis(performance.now()),
    wall: () => wallTime(Date.now()),
    random: randomFrom(Math.random),
    wake(at, run) {
      const timer = setTimeout(run, Math.max(0, at - performance.now()))
      return () => clearTimeout(timer)
    },
    log: (level, event, fields) => events.push({ level, event, fields }),
  }
}
