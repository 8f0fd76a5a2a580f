//! Does something so many times a second, evenly, and does not catch up on what it slept through.

import { performance } from 'node:perf_hooks'

const TICK_MS = 5
const CATCH_UP_MS = 1_000

/** Returns its end. */
export function pulse(perSecond: number, run: () => void): () => void {
  let due = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    due += (Math.min(now - last, CATCH_UP_MS) / 1000) * perSecond
    last = now
    for (; due >= 1; due--) run()
  }, TICK_MS)
  return () => clearInterval(timer)
}
