//! Half-received messages: who holds most has to go, of one source first.

import { expect, test } from 'vitest'
import { Parts } from '../../../src/sip/transport/parts.ts'

const LIMITS = { partBytes: 100, partBytesPerSource: 40 }

test('a source over its bound loses its largest, of equals the oldest', () => {
  const parts = new Parts<string>(LIMITS)
  parts.hold('a', 'x', 15)
  parts.hold('b', 'x', 20)
  expect(parts.over('x')).toBeUndefined()
  parts.hold('c', 'x', 20)
  expect(parts.over('x')).toBe('b')
  parts.hold('b', 'x', 0)
  expect(parts.over('x')).toBeUndefined()
  expect(parts.bytes).toBe(35)
})

test('all together over their bound: the largest source loses its largest', () => {
  const parts = new Parts<string>(LIMITS)
  parts.hold('a', 'x', 30)
  parts.hold('b', 'y', 20)
  parts.hold('c', 'y', 19)
  parts.hold('d', 'z', 31)
  expect(parts.over('z')).toBeUndefined()
  parts.hold('e', 'w', 1)
  expect(parts.over('w')).toBe('b')
  parts.hold('b', 'y', 0)
  expect(parts.over('w')).toBeUndefined()
})

test('what is finished is forgotten', () => {
  const parts = new Parts<string>(LIMITS)
  for (let round = 0; round < 10; round++) {
    parts.hold('a', 'x', 30)
    parts.hold('a', 'x', 40)
    parts.hold('a', 'x', 0)
    parts.hold('a', 'x', 0)
  }
  expect(parts.bytes).toBe(0)
  expect(parts.over('x')).toBeUndefined()
})
