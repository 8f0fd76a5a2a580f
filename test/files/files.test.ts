//! Files as their writers see them: appended to, sealed, read, removed.

import { readFileSync, writeFileSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { ChunkStore, CHUNK_MAX } from '../../src/files/chunk-store.ts'
import { Files } from '../../src/files/files.ts'
import { chunksInUse, fileChanges } from '../../src/store/schema/file.ts'
import { openFiles } from '../harness/open-files.ts'
import { newHome, newStore } from '../store/home.ts'
import { realHost } from '../store/host.ts'

async function open(home = newHome()) {
  const store = await newStore(home)
  const chunks = new ChunkStore(home)
  return { home, store, chunks, files: new Files({ host: realHost(), store, chunks }) }
}

async function contents(files: Files, name: string): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of files.read(name)) {
    if (!piece.ok) return piece.error
    pieces.push(piece.value)
  }
  return Buffer.concat(pieces).toString()
}

test('what is appended is there after each flush, and in the end', async () => {
  const { files, store } = await open()
  const writer = files.create('log/node-1/now')
  writer.append(Buffer.from('one '))
  expect(await writer.flush()).toMatchObject({ ok: true })
  writer.append(Buffer.from('two '))
  const flushed = writer.flush()
  await turn()
  writer.append(Buffer.from('three'))
  await flushed
  expect(files.list('log/')).toMatchObject([{ size: 8, isSealed: false }])
  await writer.seal()
  // The pieces are one chunk now.
  expect(files.list('log/')[0]?.chunks).toHaveLength(32)
  expect(files.list('log/')).toMatchObject([{ name: 'log/node-1/now', size: 13, isSealed: true }])
  expect(files.list('recording/')).toEqual([])
  expect(await contents(files, 'log/node-1/now')).toBe('one two three')
  expect(store.read(fileChanges)).toBe(4)
})

test('a long one is in chunks of bounded size', async () => {
  const { files, chunks, store } = await open()
  const writer = files.create('recording/1')
  writer.append(Buffer.alloc(2 * CHUNK_MAX + 5, 'x'))
  await writer.seal()
  // Two are the same, and so one.
  expect(await chunks.all()).toHaveLength(2)
  expect(store.read(chunksInUse).size).toBe(2)
  expect((await contents(files, 'recording/1')).length).toBe(2 * CHUNK_MAX + 5)
  await files.remove(['recording/1', 'recording/none'])
  expect(store.read(chunksInUse).size).toBe(0)
  expect(await files.collect(-1)).toBe(2)
})

test('a chunk that is missing or damaged is told, and never given as right', async () => {
  const { files, chunks, home } = await open()
  const writer = files.create('log/x')
  writer.append(Buffer.from('right'))
  await writer.seal()
  const file = join(home, 'files', (await chunks.all())[0] ?? '')
  expect(readFileSync(file, 'utf8')).toBe('right')
  writeFileSync(file, 'wrong')
  expect(await contents(files, 'log/x')).toBe('log/x: a part of it is not on this node yet')
})

/** The directory's own sync fails, as on a dying disk. */
async function failSecondSync(): Promise<() => void> {
  const file = await openFile('/dev/null')
  const handles = Object.getPrototypeOf(file) as typeof file
  await file.close()
  const sync = vi.spyOn(handles, 'sync')
  sync.mockResolvedValueOnce().mockRejectedValueOnce(new Error('EIO'))
  return () => sync.mockRestore()
}

test('a chunk that cannot be put leaves no directory open', async () => {
  const { home, chunks } = await open()
  const mend = await failSecondSync()
  await expect(chunks.put('0'.repeat(64), Buffer.from('x'))).rejects.toThrow('EIO')
  mend()
  expect(openFiles()).not.toContain(join(home, 'files'))
})
