//! The log as files: written while this node serves, in pieces that are acknowledged.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { ChunkStore } from '../../src/files/chunk-store.ts'
import { Files } from '../../src/files/files.ts'
import { LogKeeper } from '../../src/files/log-keeper.ts'
import { newHome, newStore } from '../store/home.ts'
import { type LoggedEvent, realHost } from '../store/host.ts'

const WAIT = { timeout: 20_000 }

async function open() {
  const home = newHome()
  const store = await newStore(home)
  const events: LoggedEvent[] = []
  const host = realHost(events)
  const files = new Files({ host, store, chunks: new ChunkStore(home) })
  const contents = async (): Promise<string> => {
    let text = ''
    for (const { name } of files.list('log/'))
      for await (const piece of files.read(name))
        text += piece.ok ? Buffer.from(piece.value).toString() : piece.error
    return text
  }
  return { store, files, events, contents, period: { files, host, node: 'n1' } }
}

test('what was logged before it serves is kept, and the last lines when it ends', async () => {
  const { contents, files, period } = await open()
  const keeper = new LogKeeper(millis(20))
  keeper.take('one\n')
  keeper.begin(period)
  await expect.poll(contents, WAIT).toBe('one\n')
  keeper.take('two\n')
  await expect.poll(contents, WAIT).toBe('one\ntwo\n')
  keeper.take('three\n')
  await keeper.end('seal')
  expect(await contents()).toBe('one\ntwo\nthree\n')
  expect(files.list('log/n1/')).toMatchObject([{ isSealed: true }])
  // The next time is another file.
  keeper.begin(period)
  keeper.take('four\n')
  await expect.poll(contents, WAIT).toBe('one\ntwo\nthree\nfour\n')
  await keeper.end('seal')
  expect(files.list('log/')).toHaveLength(2)
})

test('a file is sealed when it has many pieces, and another begun', async () => {
  const { contents, files, period } = await open()
  const keeper = new LogKeeper(millis(1))
  keeper.begin(period)
  let expected = ''
  for (let line = 0; files.list('log/').length < 2; line++) {
    const text = `${line}\n`
    keeper.take(text)
    expected += text
    await expect.poll(contents, { ...WAIT, interval: 1 }).toBe(expected)
  }
  expect(files.list('log/')[0]).toMatchObject({ isSealed: true })
  await keeper.end('seal')
})

test('what nobody writes away is bounded, and what is left out is told', async () => {
  const { contents, events, period } = await open()
  const keeper = new LogKeeper(millis(20))
  const line = `${'x'.repeat(99_999)}\n`
  for (let n = 0; n < 100; n++) keeper.take(line)
  keeper.begin(period)
  await expect.poll(async () => (await contents()).length, WAIT).toBeGreaterThan(0)
  await keeper.end('seal')
  expect((await contents()).length).toBeLessThanOrEqual(4 << 20)
  expect(events.map(({ event }) => event)).toContain('log.lines-not-kept')
})

test('a store that is gone costs this copy, and nothing else', async () => {
  const { store, events, period } = await open()
  const keeper = new LogKeeper(millis(20))
  keeper.begin(period)
  await store.close()
  keeper.take('lost\n')
  await expect.poll(() => events.map(({ event }) => event), WAIT).toContain('log.not-kept')
  await keeper.end('seal')
})
