//! The soak's own judges: a missing, double or wrong record is told, a leak is told from noise.

import { expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import type { ReadOnlyDatabase, Row } from '../../src/store/store.ts'
import { Ledger } from './ledger.ts'
import { trend } from './watch.ts'

function recordsOf(rows: readonly Row[]): ReadOnlyDatabase {
  return {
    get: () => rows[0],
    all: () => rows,
    each: () => rows[Symbol.iterator](),
  }
}

function record(ledger: Ledger, serial: number, change: Row = {}): Row {
  const good = { status: 200, ended_by: 'caller', answered_at: 1, duration_ms: 900 }
  return { caller_sip_call_id: ledger.callId(serial), ...good, ...change }
}

test('each call that ended as planned has one record that says so', () => {
  const ledger = new Ledger('run', 10)
  for (let count = 0; count < 7; count++) ledger.ended(ledger.begin('caller ends'))
  ledger.failed(ledger.begin('busy'))
  ledger.turnedAway(ledger.begin('busy'))
  const rows = [
    record(ledger, 0),
    record(ledger, 1),
    record(ledger, 1),
    record(ledger, 2, { status: 487 }),
    record(ledger, 3, { ended_by: 'system' }),
    record(ledger, 4, { answered_at: null, duration_ms: 0 }),
    record(ledger, 6),
    record(ledger, 8),
    { ...record(ledger, 0), caller_sip_call_id: '0.other' },
  ]
  const { records, wrong } = ledger.compare(recordsOf(rows))
  expect(records).toBe(8)
  expect(wrong.lines()).toEqual([
    '1 × record of "caller ends" says 487 by caller (2.run)',
    '1 × record of "caller ends" says 200 by system (3.run)',
    '1 × record of "caller ends" is not answered (4.run)',
    '1 × record of "caller ends" lasts 0 ms (4.run)',
    '1 × record of no call (8.run)',
    '1 × double record (1.run)',
    '1 × missing record (5.run)',
  ])
})

test('a leak of 30 MiB an hour stands out of the noise of collections', () => {
  const random = seededRandom(1)
  const samples = (leak: number) =>
    Array.from({ length: 720 }, (_, index) => ({
      seconds: 5 * index,
      resident: 800 + 0.1 * random.below(1_000) + (leak * index) / 720,
    }))
  const growth = (leak: number): number => trend(samples(leak), ({ resident }) => resident).growth
  expect(growth(30)).toBeGreaterThan(12)
  expect(Math.abs(growth(0))).toBeLessThan(8)
})
