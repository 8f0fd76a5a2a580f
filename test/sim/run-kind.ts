//! The share of a kind of worlds in `npm test`. `SEEDS=n` runs the first n seeds of all kinds,
//! `SEED=s` begins with s. A failing seed is a bug report: run it alone with SEED=s SEEDS=1.

import { expect, test } from 'vitest'
import { runSeed, seedsOf, type Kind } from './kinds.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 500)
const FIRST = Number(process.env['SEED'] ?? 1)
const MINUTES = 60_000
/** One in so many is run twice: the same seed is the same world. */
const TWICE = 50

/** `atLeast`: what must have come about, by name, in a world on average. */
export function runKind(kind: Kind, atLeast: Readonly<Record<string, number>>): void {
  test(`${kind} worlds among ${SEEDS} seeds from ${FIRST}`, { timeout: 10 * MINUTES }, async () => {
    const sums = new Map<string, number>()
    let worlds = 0
    for (const seed of seedsOf(kind, FIRST, SEEDS)) {
      const outcome = await runSeed(kind, seed)
      for (const [name, number] of Object.entries(outcome.counts))
        sums.set(name, (sums.get(name) ?? 0) + number)
      if (worlds++ % TWICE === 0)
        expect((await runSeed(kind, seed)).digest, `seed ${seed}`).toBe(outcome.digest)
    }
    // A simulation that never gets there checks nothing.
    if (worlds < 20) return
    for (const [name, least] of Object.entries(atLeast))
      expect(sums.get(name), name).toBeGreaterThan(worlds * least)
  })
}
