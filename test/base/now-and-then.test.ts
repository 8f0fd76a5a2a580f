import { expect, test } from 'vitest'
import { nowAndThen } from '../../src/base/now-and-then.ts'
import { millis } from '../../src/base/time.ts'

test('one warning in ten seconds, whatever it is of', () => {
  let at = 0
  const said: string[] = []
  const warn = nowAndThen({
    now: () => millis(at),
    log: (_level, event) => void said.push(`${event} ${at}`),
  })
  for (at = 0; at <= 20_000; at += 4_000) {
    warn('a', {})
    warn('b', {})
  }
  expect(said).toEqual(['a 0', 'a 12000'])
})
