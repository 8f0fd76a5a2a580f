//! A server that is killed in the middle of its answer: each command says so, and what to do next.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Manifest, writeArchive } from '../../src/backup/archive.ts'
import { run, type Ran } from './run.ts'

let server: Server
let directory = ''
let target: readonly string[] = []
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pbx-away-'))
  server = createServer((request, response) => {
    // What is sent is taken until the end comes.
    request.resume()
    request.on('error', () => {})
    answerHalf(response, request.url ?? '')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  target = ['--api', `http://127.0.0.1:${port}`, '--token', 't']
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
  rmSync(directory, { recursive: true })
})

const HALVES: readonly [string, string][] = [
  ['/import', '{"kind":"progress","lines":1,"imported":1,"bad":0,"weak":0}\n{"kind":"do'],
  ['/restore', '{"kind":"progress","step":"received","done":7}\n'],
  ['/logs', '{"time":"now"}\n{"ti'],
  ['/status', '{"health":'],
  ['/drain', '{"err'],
]

function answerHalf(response: ServerResponse, url: string): void {
  const half = HALVES.find(([path]) => url.startsWith(`/api/v1${path}`))?.[1] ?? 'x'.repeat(1000)
  response.writeHead(
    url.endsWith('/drain') ? 401 : 200,
    url.endsWith('/backup') ? { 'content-length': '100000' } : {},
  )
  response.write(half, () => setTimeout(() => response.destroy(), 50))
}

const path = (name: string): string => join(directory, name)
const ask = (...words: readonly string[]): Promise<Ran> => run([...words, ...target])

test.each([
  [['status'], 'see pbx status, and whether it was done'],
  [['logs'], 'try again'],
])('%j', async (words, next) => {
  const { code, error } = await ask(...words)
  expect([code, error]).toEqual([1, `pbx: the system went away in the middle: ${next}\n`])
})

test('what was refused is known without its reason', async () => {
  const { code, error } = await ask('undrain')
  expect([code, error]).toEqual([1, expect.stringMatching(/ does not accept this token\n$/)])
})

test('backup: nothing is left of it', async () => {
  const { code, error } = await ask('backup', path('one'))
  expect([code, error]).toEqual([
    1,
    expect.stringMatching(
      /pbx: the system went away in the middle: nothing was written, try again\n$/,
    ),
  ])
  expect(readdirSync(directory).filter((name) => name.startsWith('one'))).toEqual([])
})

const toStdout = (bytes: PassThrough): Promise<Ran> =>
  run(['backup', '-', ...target], '', { watched: false, bytes })

test('backup to stdout: what came is of no use', async () => {
  expect(await toStdout(new PassThrough().resume())).toMatchObject({
    code: 1,
    error: expect.stringMatching(/went away in the middle: what was written is of no use, try/),
  })
  const broken = new PassThrough()
  broken.destroy(new Error('EPIPE'))
  broken.on('error', () => {})
  expect(await toStdout(broken)).toMatchObject({
    code: 1,
    error: expect.stringContaining('pbx: the backup cannot be written to stdout: '),
  })
})

test('import: it can be sent again', async () => {
  writeFileSync(path('people.csv'), 'pbx.example,1,secret-pw\n'.repeat(200_000))
  const { code, error } = await ask('import', path('people.csv'))
  expect([code, error]).toEqual([
    1,
    expect.stringMatching(
      /the system went away in the middle; send the file again, it does no harm\n$/,
    ),
  ])
})

const KEY = Buffer.alloc(32, 7)
const DATABASE = Buffer.alloc(20 << 20, 'x')
const MANIFEST: Manifest = {
  product: '1.2.3',
  schema: 10,
  name: 'pbx-1',
  made: '2026-11-21T08:00:00.000Z',
  rows: {},
  files: [
    { name: 'secret.key', size: KEY.length },
    { name: 'pbx.db', size: DATABASE.length },
  ],
}

test('restore: whether it was done is to be seen', async () => {
  const pieces: Uint8Array[] = []
  const contents = (name: string): readonly Uint8Array[] => [name === 'pbx.db' ? DATABASE : KEY]
  for await (const piece of writeArchive(MANIFEST, contents)) pieces.push(piece)
  writeFileSync(path('whole'), Buffer.concat(pieces))
  const { code, error } = await ask('restore', path('whole'), '--yes')
  expect([code, error]).toEqual([
    1,
    expect.stringMatching(/the system went away in the middle: see pbx status, and try again\n$/),
  ])
  expect(existsSync(path('whole'))).toBe(true)
})

test('a file that cannot be read is told as such, and not as the system', async () => {
  // Its first bytes are nobody's.
  const { code, error } = await ask('restore', '/proc/self/mem', '--yes')
  expect([code, error]).toEqual([
    1,
    expect.stringMatching(/pbx: \/proc\/self\/mem cannot be read: E[A-Z]+/),
  ])
  const imported = await ask('import', '/proc/self/mem')
  expect([imported.code, imported.error]).toEqual([
    1,
    expect.stringMatching(/pbx: \/proc\/self\/mem cannot be read: E[A-Z]+/),
  ])
})
