import { expect, test } from 'vitest'
import { millis } from '../../../src/base/time.ts'
import { BackOff } from '../../../src/cluster/vip/back-off.ts'

test('who fails again and again waits longer each time, until it has been well for long', () => {
  const backOff = new BackOff()
  let now = 0
  const waits = Array.from({ length: 8 }, () => {
    const until = backOff.failed(millis(now))
    const wait = until - now
    now = until + 1_000
    return wait
  })
  expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 320_000])
  now += 600_000
  expect(backOff.failed(millis(now)) - now).toBe(5_000)
})
