//! The real world as a `Host`: the process's clocks, timers and randomness.

import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Host, Log } from '../base/host.ts'
import { randomFrom } from '../base/random.ts'
import { millis, wallTime } from '../base/time.ts'

/** Longer than this and setTimeout fires at once. */
const TIMER_MAX_MS = 2_147_483_647
const POOL_BYTES = 6 * 1024

export function realHost(log: Log): Host {
  return {
    now: () => millis(performance.now()),
    wall: () => wallTime(Date.now()),
    random: randomFrom(uniform()),
    wake(at, run) {
      const delay = Math.max(0, Math.ceil(at - performance.now()))
      const timer = setTimeout(run, Math.min(delay, TIMER_MAX_MS))
      return () => clearTimeout(timer)
    },
    log,
  }
}

/** Numbers in [0, 1) of 48 random bits each, drawn from the kernel in bulk: tags are secrets. */
function uniform(): () => number {
  let pool = Buffer.alloc(0)
  let at = 0
  return () => {
    if (at >= pool.length) {
      pool = randomBytes(POOL_BYTES)
      at = 0
    }
    const value = pool.readUIntBE(at, 6)
    at += 6
    return value / 2 ** 48
  }
}
