import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/base/random.ts'
import { Recent } from '../../../roles/call-manager/auth/recent.ts'

test('the last half of the capacity used is there, and never more than all of it', () => {
  const capacity = 100
  const recent = new Recent<number, number>(capacity)
  const random = seededRandom(7)
  /** Keys by last use, oldest first. */
  const used = new Map<number, true>()
  for (let n = 0; n < 20_000; n++) {
    const key = random.below(500)
    if (random.chance(1, 3)) recent.set(key, key)
    else if (recent.get(key) === undefined) continue
    used.delete(key)
    used.set(key, true)
    const lately = [...used.keys()].slice(-capacity / 2)
    if (n % 100 === 0) expect(lately.filter((each) => recent.get(each) !== each)).toEqual([])
  }
  const kept = Array.from({ length: 500 }, (_, key) => recent.get(key)).filter(
    (each) => each !== undefined,
  )
  expect(kept.length).toBeLessThanOrEqual(capacity)
})

test('what is deleted is gone from both generations', () => {
  const recent = new Recent<string, number>(4)
  for (const key of ['a', 'b', 'c']) recent.set(key, 1)
  recent.delete('a')
  expect(recent.get('a')).toBeUndefined()
  recent.clear()
  expect(recent.get('c')).toBeUndefined()
})
