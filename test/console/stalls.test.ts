//! Bytes that stand still on their way.

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { coming, going } from '../../src/console/api/stalls.ts'

const PATIENCE_MS = 60_000
const told: string[] = []
const events = {
  onStalled: (why: string) => void told.push(why),
  onEnd: () => void told.push('end'),
}
beforeEach(() => {
  vi.useFakeTimers()
  told.length = 0
})
afterEach(() => void vi.useRealTimers())

const later = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))

async function* pieces(everyMs: number, count = 3): AsyncGenerator<Uint8Array, void> {
  for (let each = 0; each < count; each++) {
    await later(everyMs)
    yield Buffer.from([each])
  }
}

/** All of it, by who takes so long over each piece. */
async function read(from: AsyncIterable<Uint8Array>, eachMs: number): Promise<number[]> {
  const all: number[] = []
  for await (const piece of from) {
    all.push(...piece)
    await later(eachMs)
  }
  return all
}

async function outcome<T>(of: Promise<T>): Promise<T | string> {
  const told = of.catch((error: unknown) => String(error))
  await vi.advanceTimersByTimeAsync(10 * PATIENCE_MS)
  return told
}

test('what comes slowly comes, however long is made of each piece', async () => {
  const comes = coming(pieces(PATIENCE_MS - 1), PATIENCE_MS)
  expect(await outcome(read(comes, 2 * PATIENCE_MS))).toEqual([0, 1, 2])
})

test('what stands still is not waited for', async () => {
  const comes = coming(pieces(PATIENCE_MS + 1), PATIENCE_MS)
  expect(await outcome(read(comes, 0))).toBe('Error: nothing has come for 60 seconds')
})

test('what is read slowly goes, however long it takes to be made', async () => {
  const goes = going(pieces(2 * PATIENCE_MS), PATIENCE_MS, events)
  expect(await outcome(read(goes, PATIENCE_MS - 1))).toEqual([0, 1, 2])
  expect(told).toEqual(['end'])
})

test('who reads nothing more is told of', async () => {
  await outcome(going(pieces(0), PATIENCE_MS, events).next())
  expect(told).toEqual(['nothing has been read for 60 seconds'])
})

test('who has gone is not', async () => {
  const goes = going(pieces(0), PATIENCE_MS, events)
  await outcome(goes.next().then(() => goes.return()))
  expect(told).toEqual(['end'])
})
