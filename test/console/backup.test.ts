//! Backups over the API: who goes away in the middle, or stands still, leaves nothing behind.

import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RestoreLine } from '../../src/console/api/shapes.ts'
import { isRestoring } from '../../src/store/schema/restore.ts'
import { type Answer, answering } from '../harness/answering-store.ts'
import { openFiles } from '../harness/open-files.ts'
import { ended } from '../store/commands.ts'
import { openWorld, type World } from './world.ts'

const PATIENCE = { timeout: 20_000 }
/** Of the server. */
const patienceMs = 2_000
/** What the store answers when records are to be added, before it does as it is told. */
const answers: Answer[] = []
let world: World
beforeAll(async () => {
  world = await openWorld((store) => answering(store, 'restore.added', answers), { patienceMs })
})
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

async function restored(backed: ArrayBuffer): Promise<RestoreLine | undefined> {
  const answer = await fetch(`${world.url}/api/v1/restore`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${world.token}`,
      'content-type': 'application/x-pbx-backup',
    },
    body: backed,
  })
  const lines = (await answer.text()).trim().split('\n')
  return lines.map((line) => JSON.parse(line) as RestoreLine).at(-1)
}

const PASSWORD = 'correct horse battery'

/** Of the first administrator, who is in the backup then. */
async function signIn(): Promise<string> {
  const ask = (path: string, fields: Record<string, string>): Promise<Response> =>
    fetch(`${world.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: world.url, 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams(fields),
    })
  await ask('/claim', {
    token: world.claim ?? '',
    name: 'ann',
    password: PASSWORD,
    again: PASSWORD,
  })
  const inside = await ask('/sign-in', { name: 'ann', password: PASSWORD })
  return (inside.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
}

async function statusWith(cookie: string): Promise<number> {
  return (await fetch(`${world.url}/api/v1/extensions`, { headers: { cookie } })).status
}

const records = (): number =>
  world.store.read((db) => Number(db.get('SELECT count(*) AS n FROM cdrs')?.['n']))

test('records are added when the store has room again, and sessions end', async () => {
  await world.store.propose(ended('one'))
  const cookie = await signIn()
  expect(await statusWith(cookie)).toBe(200)
  const backed = await (await backup()).arrayBuffer()
  answers.push('overloaded')
  expect(await restored(backed)).toMatchObject({ kind: 'done' })
  expect([answers, records(), world.store.read(isRestoring)]).toEqual([[], 1, false])
  expect(await statusWith(cookie)).toBe(401)
})

test('sessions end as soon as the accounts are others, not with the last record', async () => {
  const cookie = await signIn()
  const backed = await (await backup()).arrayBuffer()
  answers.push(...Array.from({ length: 10_000 }, () => 'overloaded' as const))
  const restoring = restored(backed)
  await expect.poll(() => statusWith(cookie), PATIENCE).toBe(401)
  expect(answers.length).toBeGreaterThan(0)
  answers.length = 0
  expect(await restoring).toMatchObject({ kind: 'done' })
})

test('sessions end also when another node adds the records', async () => {
  const cookie = await signIn()
  const backed = await (await backup()).arrayBuffer()
  answers.push('no-leader')
  expect(await restored(backed)).toMatchObject({
    kind: 'failed',
    reason: 'restored; the node that serves now adds the call records',
  })
  expect(await statusWith(cookie)).toBe(401)
  await world.store.propose({ kind: 'restore.added' })
})

test('it is restored also when its certificate cannot be laid, and that is told', async () => {
  const cookie = await signIn()
  const backed = await (await backup()).arrayBuffer()
  const place = join(world.data, 'tls', 'restored')
  rmSync(place, { recursive: true, force: true })
  writeFileSync(place, '')
  expect(await restored(backed)).toMatchObject({ kind: 'done' })
  expect(world.events).toContain('restore.certificate-not-laid')
  expect(await statusWith(cookie)).toBe(401)
})

/** One that asks, and does nothing else by itself. */
function asking(path: string, headers: readonly string[]): Socket {
  const { hostname, port } = new URL(world.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  const lines = [
    `POST /api/v1${path} HTTP/1.1`,
    'host: pbx',
    `authorization: Bearer ${world.token}`,
  ]
  socket.write([...lines, ...headers, '', ''].join('\r\n'))
  return socket
}

test('who sends nothing more of one is told so, and has no place any more', async () => {
  const backed = await (await backup()).arrayBuffer()
  world.events.length = 0
  const length = `content-length: ${backed.byteLength}`
  const socket = asking('/restore', ['content-type: application/x-pbx-backup', length])
  socket.write(Buffer.from(backed, 0, 100_000))
  let told = ''
  socket.setEncoding('latin1').on('data', (text: string) => (told += text))
  await expect.poll(isBusy, PATIENCE).toBe(true)
  await expect.poll(isBusy, PATIENCE).toBe(false)
  await expect.poll(() => told, PATIENCE).toContain('nothing has come for 2 seconds')
  expect(world.events).toContain('restore.failed')
  socket.destroy()
})

test('who reads nothing of a backup has no place any more', async () => {
  const callerName = 'x'.repeat(1 << 20)
  // More than the kernel takes of it.
  for (let each = 0; each < 60; each++)
    await world.store.propose(ended(`long-${each}`, { callerName }))
  const socket = asking('/backup', ['content-length: 0'])
  await expect.poll(isBusy, { ...PATIENCE, interval: 1 }).toBe(true)
  await expect.poll(isBusy, PATIENCE).toBe(false)
  expect(world.events).toContain('backup.stalled')
  await expect.poll(openImages, PATIENCE).toEqual([])
  socket.destroy()
})
