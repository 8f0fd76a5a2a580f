//! When the main thread counts as silent.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { Watchdog, type Finding } from '../../src/cluster/watchdog.ts'

/** What a look every half second finds, from the one to the other second. */
function looks(watchdog: Watchdog, from: number, to: number): readonly Finding[] {
  const count = (to - from) * 2
  return Array.from({ length: count }, (_, each) =>
    watchdog.look(millis((from + each / 2) * 1_000)),
  )
}

const told = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter((finding) => finding !== undefined)

test('who answers is asked again, and is never silent', () => {
  const watchdog = new Watchdog(3_000)
  for (let second = 0; second < 10; second++) {
    expect(looks(watchdog, second, second + 1)).toEqual([{ kind: 'ask' }, undefined])
    watchdog.answered()
  }
})

test('who does not is asked once, and silent until it answers', () => {
  const watchdog = new Watchdog(3_000)
  expect(told(looks(watchdog, 0, 3))).toEqual([{ kind: 'ask' }])
  expect(told(looks(watchdog, 3, 9))).toEqual([
    { kind: 'silent', ms: 3_000 },
    { kind: 'silent', ms: 6_000 },
  ])
  watchdog.answered()
  expect(told(looks(watchdog, 9, 12))).toEqual([{ kind: 'ask' }])
  expect(told(looks(watchdog, 12, 13))).toEqual([{ kind: 'silent', ms: 3_000 }])
})

test('of a process that was stopped, and goes on, nobody says so', () => {
  const watchdog = new Watchdog(3_000)
  looks(watchdog, 0, 1)
  expect(told(looks(watchdog, 60, 63))).toEqual([])
  expect(told(looks(watchdog, 63, 64))).toEqual([{ kind: 'silent', ms: 63_000 }])
})
