//! A record gets into the store, however long that takes; not from who has let go of its call.

import { expect, test } from 'vitest'
import { CdrWriter } from '../../../../roles/call-manager/call/host/cdr-writer.ts'
import { err, ok, type Result } from '../../../../src/base/result.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { millis, wallTime, type WallTime } from '../../../../src/base/time.ts'
import type { Cdr } from '../../../../src/store/schema/call.ts'
import type { Command, LogIndex, ProposeFailure } from '../../../../src/store/store.ts'
import { callEnded } from '../../../harness/random-command.ts'
import { World } from '../../../harness/world.ts'

const NO_LEADER: Result<LogIndex, ProposeFailure> = err({ kind: 'no-leader' })

function newWriter(ahead = 0) {
  const world = new World(1)
  const host = world.host('n')
  const date = (): WallTime => wallTime(host.wall() + ahead)
  const asked: number[] = []
  const written: Cdr[] = []
  const store = { answer: NO_LEADER }
  const propose = (command: Command): Promise<Result<LogIndex, ProposeFailure>> => {
    asked.push(world.now)
    if (command.kind === 'call.ended') written.push(command.cdr)
    return Promise.resolve(store.answer)
  }
  const writer = new CdrWriter(host, date, { propose })
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) {
      await Promise.resolve()
      world.pass(millis(50))
      await Promise.resolve()
    }
  }
  return { writer, asked, written, store, pass }
}

function record(): Cdr {
  return callEnded(seededRandom(1)).cdr
}

test('while nobody leads it is tried again, later each time', async () => {
  const { writer, asked, store, pass } = newWriter()
  writer.write(record())
  await pass(2_000)
  expect(asked).toEqual([0, 250, 750, 1_750])
  expect(writer.waiting).toBe(1)
  store.answer = ok(1 as LogIndex)
  await pass(3_000)
  expect(asked).toHaveLength(5)
  expect(writer.waiting).toBe(0)
})

test('who has stopped writes no more, also when this node leads again', async () => {
  const { writer, asked, store, pass } = newWriter()
  writer.write(record())
  await pass(300)
  writer.stop()
  store.answer = ok(1 as LogIndex)
  await pass(60_000)
  expect(asked).toEqual([0, 250])
  expect(writer.waiting).toBe(0)
})

test('it is dated by the clock for people, and as long as it was', () => {
  const hour = 3_600_000
  const cdr = { ...record(), startedAt: wallTime(hour), rangAt: undefined }
  const answered = { ...cdr, answeredAt: wallTime(2 * hour), endedAt: wallTime(3 * hour) }
  const { writer, written } = newWriter(-hour)
  writer.write({ ...answered, durationMs: hour })
  expect(written).toEqual([
    {
      ...answered,
      startedAt: 0,
      answeredAt: hour,
      endedAt: 2 * hour,
      durationMs: hour,
    },
  ])
})
