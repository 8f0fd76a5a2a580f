//! Loss and jitter as RFC 3550 counts them.

import { expect, test } from 'vitest'
import { Reception } from '../../src/rtp/reception.ts'

/** Packets of 20 ms by sequence number, arriving when due plus `late` milliseconds. */
function received(
  numbers: readonly number[],
  late: (index: number) => number = () => 0,
): Reception {
  const reception = new Reception()
  numbers.forEach((number, index) => {
    reception.count(1, number & 0xffff, (number * 160) >>> 0, 8000, 160, number * 20 + late(index))
  })
  return reception
}

const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index)

test('nothing lost', () => {
  const reception = received(range(10, 100))
  expect(reception).toMatchObject({ packets: 100, octets: 16_000, lost: 0, jitterMs: 0 })
})

test('A.3 gaps are lost, late ones are not, duplicates do not make it negative', () => {
  expect(received([1, 2, 5, 6]).lost).toBe(2)
  expect(received([1, 2, 5, 3, 4, 6]).lost).toBe(0)
  expect(received([1, 2, 2, 2, 3]).lost).toBe(0)
})

test('A.1 the sequence number turns over', () => {
  const reception = received([65_533, 65_534, 65_535, 65_536, 65_537, 65_540])
  expect(reception.lost).toBe(2)
  expect(reception.extendedHighest).toBe(65_540)
})

test('A.1 a jump is a restart, and what was lost before is kept', () => {
  expect(received([1, 2, 4, 20_000, 20_001]).lost).toBe(1)
})

test('a new SSRC begins anew, and what was lost before is kept', () => {
  const reception = received([1, 2, 5])
  reception.count(2, 40_000, 0, 8000, 160, 100)
  reception.count(2, 40_002, 320, 8000, 160, 140)
  expect(reception.lost).toBe(3)
  expect(reception.continues(2, 40_003)).toBe(true)
  expect(reception.continues(1, 6)).toBe(false)
  expect(reception.continues(2, 39_990)).toBe(false)
})

test('A.8 jitter of arrivals late by turns approaches their difference', () => {
  const reception = received(range(1, 400), (index) => (index % 2) * 10)
  expect(reception.jitterMs).toBeCloseTo(10, 1)
  expect(reception.jitterUnits).toBe(80)
})

test('A.8 a timestamp that turns over is no jitter', () => {
  const reception = new Reception()
  for (let index = 0; index < 100; index++)
    reception.count(1, index, (0xffff_ff00 + index * 160) >>> 0, 8000, 160, index * 20)
  expect(reception.jitterMs).toBe(0)
})

test('§6.4.1 the share lost since the last report, of 256', () => {
  const reception = received([1, 2, 3, 4])
  expect(reception.takeFractionLost()).toBe(0)
  for (const number of [6, 8]) reception.count(1, number, number * 160, 8000, 160, number * 20)
  expect(reception.takeFractionLost()).toBe(128)
  expect(reception.takeFractionLost()).toBe(0)
})
