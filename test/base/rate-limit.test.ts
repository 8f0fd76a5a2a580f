import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { RateLimit } from '../../src/base/rate-limit.ts'

test('a burst, then so many a minute, each source for itself', () => {
  const limit = new RateLimit(3, 6)
  for (let count = 0; count < 3; count++) {
    expect(limit.wait('a', millis(0))).toBe(0)
    limit.take('a', millis(0))
  }
  expect(limit.wait('a', millis(0))).toBe(10)
  expect(limit.wait('a', millis(4_000))).toBe(6)
  expect(limit.wait('b', millis(0))).toBe(0)
  expect(limit.wait('a', millis(10_000))).toBe(0)
  limit.take('a', millis(10_000))
  expect(limit.wait('a', millis(10_000))).toBe(10)
  for (let count = 0; count < 9; count++) limit.take('a', millis(10_000))
  expect(limit.wait('a', millis(10_000))).toBe(10)
  expect(limit.wait('a', millis(600_000))).toBe(0)
})

test('what is given back can be taken again, and is never more than a burst', () => {
  const limit = new RateLimit(2, 6)
  limit.take('a', millis(0))
  limit.take('a', millis(0))
  expect(limit.wait('a', millis(0))).toBe(10)
  limit.giveBack('a', millis(0))
  expect(limit.wait('a', millis(0))).toBe(0)
  for (let count = 0; count < 5; count++) limit.giveBack('a', millis(0))
  limit.take('a', millis(0))
  limit.take('a', millis(0))
  expect(limit.wait('a', millis(0))).toBe(10)
})
