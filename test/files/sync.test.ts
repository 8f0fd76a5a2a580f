//! Chunks come to all nodes, whatever happens on the way.

import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeFileMessage, encodeFileMessage } from '../../src/files/messages.ts'
import { FileWorld, type FileNode } from './world.ts'

let world: FileWorld
beforeEach(() => void (world = new FileWorld(3)))
afterEach(() => world.close())

function nodes(): readonly [FileNode, FileNode, FileNode] {
  const [a, b, c] = world.nodes
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three')
  return [a, b, c]
}

test('what one has is fetched by the others, who say how far they are', async () => {
  const [a, b] = nodes()
  const digests = await Promise.all(['one', 'two', 'three'].map((text) => world.put(a, text)))
  world.use(digests)
  await world.whole()
  const all = { held: 3, missing: 0 }
  await world.until('a knows of b and c', () => {
    return ['node-1', 'node-2', 'node-3'].every(
      (id) => JSON.stringify(a.standings.get(id)) === JSON.stringify(all),
    )
  })
  for (const digest of digests)
    expect(readFileSync(b.file(digest))).toEqual(readFileSync(a.file(digest)))
})

test('a node that was away fetches what it missed, from one that fetched it itself', async () => {
  const [a, b, c] = nodes()
  world.cut.add(c.id)
  world.use([await world.put(a, 'while c is away')])
  await world.until('b has it', async () => (await b.chunks.all()).length === 1)
  expect(await c.chunks.all()).toEqual([])
  world.stop(a)
  world.cut.delete(c.id)
  await world.whole()
})

test('one that is killed in the middle of a chunk begins anew', async () => {
  const [a, b] = nodes()
  const digest = await world.put(a, 'cut off in the middle')
  let pieces = 0
  world.tamper = (_, data) => {
    if (decodeFileMessage(data)?.kind === 'piece' && ++pieces === 2) world.stop(b)
    return data
  }
  world.use([digest])
  await world.until('b is gone', () => b.sync === undefined)
  // What a half-written file of a killed process looks like.
  writeFileSync(b.file('new-0123456789abcdef'), 'half')
  world.tamper = (_, data) => data
  world.start(b)
  await world.whole()
  expect(readFileSync(b.file(digest))).toEqual(readFileSync(a.file(digest)))
})

test('what is damaged on the way is refused, and comes from another', async () => {
  const [a, b, c] = nodes()
  const digest = await world.put(a, 'damaged on the way')
  await world.put(c, 'damaged on the way')
  world.tamper = (from, data) => {
    const message = decodeFileMessage(data)
    if (from !== a.id || message?.kind !== 'piece') return data
    return encodeFileMessage({ ...message, data: message.data.map((byte) => byte ^ 1) })
  }
  world.use([digest])
  await world.whole()
  expect(b.events).toContain('files.chunk-refused')
  expect(readFileSync(b.file(digest))).toEqual(readFileSync(c.file(digest)))
})

test('what a disk has damaged is found, and fetched anew', async () => {
  const [a, b] = nodes()
  const digest = await world.put(a, 'rotten')
  world.use([digest])
  await world.whole()
  const right = readFileSync(a.file(digest))
  writeFileSync(a.file(digest), 'rotten indeed')
  await world.until('it is found', () => a.events.includes('files.chunk-damaged'))
  await world.until('it is right again', () => {
    return existsSync(a.file(digest)) && readFileSync(a.file(digest)).equals(right)
  })
  expect(readFileSync(b.file(digest))).toEqual(right)
})

test('what no file has any more is collected, once it is old', async () => {
  const [a] = nodes()
  const [kept, gone, young] = await Promise.all(['k', 'g', 'y'].map((text) => world.put(a, text)))
  world.use([kept ?? ''])
  utimesSync(a.file(gone ?? ''), new Date(0), new Date(0))
  const later = new Date(Date.now() + 3_600_000)
  utimesSync(a.file(young ?? ''), later, later)
  await world.until('it is gone', () => !existsSync(a.file(gone ?? '')))
  expect(new Set(await a.chunks.all())).toEqual(new Set([kept, young]))
})

test('what is no message is passed over', () => {
  const [a] = nodes()
  for (const bytes of [[], [9], [0, 3, 65, 65, 65, 0], [4, 1], [1, 255, 255]])
    a.sync?.receive('node-2', Uint8Array.from(bytes))
  expect(a.events.filter((event) => event === 'files.message-unreadable')).toHaveLength(5)
  const long = { digest: '../../secret.key', offset: 0, kind: 'ask' } as const
  expect(decodeFileMessage(encodeFileMessage(long))).toBeUndefined()
})
