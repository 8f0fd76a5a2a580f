//! Groups of production nodes over a simulated network, disk and clock. `SEEDS=n` runs n worlds,
//! `SEED=s` begins with s. A failing seed is a bug report: run it alone with SEED=s SEEDS=1.

import { expect, test } from 'vitest'
import { run } from './run.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 500)
const FIRST = Number(process.env['SEED'] ?? 1)
const MINUTES = 60_000

test(`${SEEDS} worlds from seed ${FIRST}`, { timeout: 10 * MINUTES }, () => {
  let acknowledged = 0
  let leases = 0
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const outcome = run(seed)
    acknowledged += outcome.acknowledged
    leases += outcome.leases
    // One in a hundred twice: the same seed is the same world.
    if (seed % 100 === 1) expect(run(seed).digest).toBe(outcome.digest)
  }
  expect(acknowledged).toBeGreaterThan(SEEDS * 20)
  expect(leases).toBeGreaterThan(SEEDS)
})
