//! Backups over the API: who goes away in the middle leaves nothing behind.

import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openFiles } from '../harness/open-files.ts'
import { openWorld, type World } from './world.ts'

const PATIENCE = { timeout: 20_000 }
let world: World
beforeAll(async () => void (world = await openWorld()))
afterAll(() => world.close())

function backup(signal?: AbortSignal): Promise<Response> {
  return fetch(`${world.url}/api/v1/backup`, {
    method: 'POST',
    headers: { authorization: `Bearer ${world.token}` },
    ...(signal === undefined ? {} : { signal }),
  })
}

async function sizeOf(answer: Response): Promise<number> {
  return (await answer.arrayBuffer()).byteLength
}

const openImages = (): readonly string[] =>
  openFiles().filter((file) => file.startsWith(join(world.data, 'backup')))
const isBusy = (): boolean => existsSync(join(world.data, 'backup'))

test('who goes away while the image is made is not waited for afterwards', async () => {
  const gone = new AbortController()
  const asked = backup(gone.signal)
  await expect.poll(isBusy, { ...PATIENCE, interval: 1 }).toBe(true)
  gone.abort()
  await expect(asked).rejects.toThrow('abort')
  await expect.poll(isBusy, PATIENCE).toBe(false)
  const next = await backup()
  expect(next.status).toBe(200)
  expect(await sizeOf(next)).toBe(Number(next.headers.get('content-length')))
  await expect.poll(openImages, PATIENCE).toEqual([])
})

test('who goes away while it is sent, too', async () => {
  const gone = new AbortController()
  const answer = await backup(gone.signal)
  expect(answer.status).toBe(200)
  gone.abort()
  await expect.poll(isBusy, PATIENCE).toBe(false)
  await expect.poll(openImages, PATIENCE).toEqual([])
})

test('one that fails when its image is made leaves no file open', async () => {
  const key = join(world.data, 'secret.key')
  renameSync(key, `${key}.away`)
  expect((await backup()).status).toBe(500)
  renameSync(`${key}.away`, key)
  expect([isBusy(), openImages()]).toEqual([false, []])
  expect(await sizeOf(await backup())).toBeGreaterThan(0)
})
