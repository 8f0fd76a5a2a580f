//! A few seconds of broken messages from fixed seeds; `fuzz-long.ts` goes on for as long as wanted.

import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/base/random.ts'
import { CORPUS, exercise, mutant } from './fuzz.ts'

test('the corpus itself holds what must hold of every message', () => {
  for (const bytes of CORPUS) exercise(bytes)
})

for (const seed of [1, 2, 3, 4])
  test(`mutants of seed ${seed} neither throw nor change on the way`, () => {
    const random = seededRandom(seed)
    for (let index = 0; index < 5000; index++) {
      const bytes = mutant(random)
      try {
        exercise(bytes)
      } catch (error) {
        expect.fail(`mutant ${index}: ${String(error)}\n${Buffer.from(bytes).toString('latin1')}`)
      }
    }
  })
