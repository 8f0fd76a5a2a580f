import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/base/random.ts'
import { KEPT_MAX, type Kept, KeptAnswers } from '../../../src/sip/transaction/kept-answers.ts'

test('the newest answers can be read as they were, older ones are gone and never another', () => {
  const random = seededRandom(3)
  const bytes = 1 << 20
  const answers = new KeptAnswers(bytes)
  const written: { readonly kept: Kept; readonly wire: Uint8Array }[] = []
  let gone = 0
  for (let count = 0; count < 4_000; count++) {
    const length = random.chance(1, 100) ? KEPT_MAX - random.below(9) : 1 + random.below(1_400)
    const wire = new Uint8Array(length).fill(count % 251)
    written.push({ kept: answers.keep(wire), wire })
    if (count % 400 !== 0) continue
    let newer = 0
    for (const { kept, wire: expected } of written.toReversed()) {
      newer += expected.length
      const read = answers.read(kept, expected.length)
      if (read === undefined) gone++
      else expect(read).toEqual(expected)
      // Up to half a block is left empty where a long one did not fit.
      if (newer < bytes / 2) expect(read).toBeDefined()
    }
    written.splice(0, written.length - 2_500)
  }
  expect(gone).toBeGreaterThan(0)
})

test('an answer that is read is a copy', () => {
  const answers = new KeptAnswers(1)
  const kept = answers.keep(Uint8Array.of(1, 2, 3))
  answers.read(kept, 3)?.fill(9)
  expect(answers.read(kept, 3)).toEqual(Uint8Array.of(1, 2, 3))
})
