//! Answers of many lines, and who reads them slowly, late, or not at all.

import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { wallTime } from '../../src/base/time.ts'
import { linesOf, type Room, type Tell } from '../../src/console/api/ndjson.ts'
import { importExtensions } from '../../src/store/import.ts'
import { newStore } from '../store/home.ts'

test('every line arrives at who reads slowly, the last one too', async () => {
  const store = await newStore()
  const lines = linesOf(async (tell, room) => {
    const result = await importExtensions(store, semicolons(3000), {
      wall: () => wallTime(5),
      onBadLine(bad) {
        tell({ kind: 'bad', ...bad })
        return room()
      },
    })
    tell({ kind: 'done', ...(result.ok ? result.value : {}) })
  })
  const read: string[] = []
  await pipeline(Readable.from(lines), slowReader(read))
  const told = read
    .join('')
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  expect(told).toHaveLength(3001)
  expect(told[0]).toMatchObject({ kind: 'bad', line: 1 })
  expect(told.at(-1)).toMatchObject({ kind: 'done', lines: 3000, bad: 3000 })
})

test('while nobody reads, not much is kept: the work waits', async () => {
  let told = 0
  const lines = linesOf(async (tell, room) => {
    for (; told < 100_000; told++) {
      tell({ line: told, text: 'x'.repeat(100) })
      await room()
    }
  })
  const first = (await lines.next()).value as string
  for (let count = 0; count < 1000; count++) await turn()
  expect(told).toBeGreaterThan(100)
  expect(told).toBeLessThan(2000)
  let length = first.length
  for await (const text of lines) length += text.length
  expect(told).toBe(100_000)
  expect(length).toBeGreaterThan(100_000 * 100)
})

test('who goes away holds up nothing', async () => {
  const ended = Promise.withResolvers<number>()
  const lines = linesOf(async (tell, room) => {
    let told = 0
    for (; told < 10_000; told++) {
      tell('x'.repeat(100))
      await room()
    }
    ended.resolve(told)
  })
  await lines.next()
  await lines.return(undefined)
  expect(await ended.promise).toBe(10_000)
})

test('who is there and reads nothing ends the work, and is told why', async () => {
  const ended = Promise.withResolvers<unknown>()
  const work = async (tell: Tell, room: Room): Promise<void> => {
    try {
      for (let count = 0; count < 10_000; count++) {
        tell('x'.repeat(100))
        await room()
      }
    } catch (error) {
      ended.resolve(error)
      tell('the end')
    }
  }
  const lines = linesOf(work, 20)
  await lines.next()
  expect(await ended.promise).toMatchObject({ message: expect.stringContaining('nobody has read') })
  let last = ''
  for await (const text of lines) last = text
  expect(last).toMatch(/"the end"\n$/)
})

async function* semicolons(count: number): AsyncGenerator<Uint8Array> {
  for (let line = 0; line < count; line++)
    yield Buffer.from(`acme.example;${1000 + line};secret-${line};Name\n`)
}

function slowReader(read: string[]): Writable {
  return new Writable({
    highWaterMark: 1,
    write(text: Buffer, _encoding, done) {
      read.push(text.toString())
      setTimeout(done, 2)
    },
  })
}
