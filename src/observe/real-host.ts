//! The real world as a `Host`: the process's clocks, timers and randomness.

import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Host, Log } from '../base/host.ts'
import { randomFrom, type Random } from '../base/random.ts'
import { millis, wallTime } from '../base/time.ts'

/** Longer than this and setTimeout fires at once. */
const TIMER_MAX_MS = 2_147_483_647
const POOL_BYTES = 6 * 1024

export function realHost(log: Log): Host {
  return {
    now: () => millis(performance.now()),
    wall: () => wallTime(Date.now()),
    random: kernelRandom(),
    wake(at, run) {
      const delay = Math.max(0, Math.ceil(at - performance.now()))
      const timer = setTimeout(run, Math.min(delay, TIMER_MAX_MS))
      return () => clearTimeout(timer)
    },
    log,
  }
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz'
/** Bytes below this are spread evenly over the alphabet. */
const EVEN = 256 - (256 % ALPHABET.length)
const PAIRS = Array.from(ALPHABET, (first) => Array.from(ALPHABET, (second) => first + second))

/** Drawn from the kernel in bulk: tags are secrets. */
function kernelRandom(): Random {
  let pool = Buffer.alloc(0)
  let at = 0
  const byte = (): number => {
    if (at >= pool.length) {
      pool = randomBytes(POOL_BYTES)
      at = 0
    }
    return pool[at++] ?? 0
  }
  /** In [0, 1), of 48 random bits. */
  const uniform = (): number => {
    let value = 0
    for (let count = 0; count < 6; count++) value = value * 256 + byte()
    return value / 2 ** 48
  }
  const place = (): number => {
    for (;;) {
      const value = byte()
      if (value < EVEN) return value % ALPHABET.length
    }
  }
  return {
    ...randomFrom(uniform),
    // A byte a character, and half as many strings on the way: a call has a dozen of these.
    token(length) {
      let out = ''
      for (let left = length; left > 1; left -= 2) out += PAIRS[place()]?.[place()] ?? ''
      return length % 2 === 1 ? out + ALPHABET.charAt(place()) : out
    },
  }
}
