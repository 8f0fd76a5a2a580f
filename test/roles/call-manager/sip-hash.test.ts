import { expect, test } from 'vitest'
import { SipHash } from '../../../roles/call-manager/auth/sip-hash.ts'

/** Of the reference implementation: key 00 to 0f, message 00, 01 … of so many bytes. */
const VECTORS = [
  [0, '726fdb47dd0e0e31'],
  [1, '74f839c593dc67fd'],
  [7, 'ab0200f58b01d137'],
  [8, '93f5f5799a932462'],
  [15, 'a129ca6149be45e5'],
  [16, '3f2acc7f57c29bdb'],
] as const

test.each(VECTORS)('SipHash-2-4 of %i bytes', (length, wanted) => {
  const counting = Uint8Array.from({ length: 16 }, (_, n) => n)
  const hash = new SipHash(counting)
  hash.update(counting, length)
  const hex = (word: number) => word.toString(16).padStart(8, '0')
  expect(hex(hash.high) + hex(hash.low)).toBe(wanted)
})
