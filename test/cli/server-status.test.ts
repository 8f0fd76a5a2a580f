//! `pbx status` on the host of a media server, over real HTTP.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeRunFile } from '../../src/config/run-file.ts'
import { serverStatusRoutes } from '../../src/console/server-status.ts'
import { loadIdentity } from '../../src/http/certificate.ts'
import { localToken } from '../../src/http/secrets.ts'
import { openHttp, type HttpServers } from '../../src/http/server.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { run, type Ran } from './run.ts'

const tls = { certificate: undefined, key: undefined }
let data: string
let http: HttpServers
let url: string
let wrong: string | undefined
beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'pbx-server-status-'))
  const node = (id: string, isConnected: boolean) => ({
    id,
    at: `10.0.0.${id.at(-1)}:7480`,
    isConnected,
  })
  const callManagers = [node('node-1', true), node('node-2', false)]
  const server = { leader: 'node-1', sessions: 1_234, callManagers }
  http = await openHttp({
    address: '127.0.0.1',
    httpPort: 0,
    httpsPort: 0,
    identity: loadIdentity(tls, data, ['localhost'], new Date()),
    metrics: new Metrics('media-1'),
    log: () => {},
    routes: (app) =>
      serverStatusRoutes(app, {
        token: localToken(data),
        health: () => ({
          healthy: wrong === undefined,
          checks: [{ name: 'call-manager', ok: wrong === undefined, detail: wrong ?? '' }],
        }),
        status: () => ({
          name: 'media-1',
          version: '1.2.3',
          roles: ['media'],
          startedAt: new Date().toISOString(),
          server,
        }),
      }),
    onUpgrade: ({ socket }) => void socket.destroy(),
  })
  url = `http://127.0.0.1:${http.httpPort}`
  writeRunFile(data, { pid: process.pid, api: url })
})
afterAll(async () => {
  await http.close(0)
  rmSync(data, { recursive: true })
})

const pbx = (...words: readonly string[]): Promise<Ran> => run([...words, '--data', data])

test('how it is, who leads it, whom it is connected to, and what it carries', async () => {
  const { code, out } = await pbx('status')
  expect(code).toBe(0)
  expect(out.replace(/^memory.*\n/m, '')).toBe(
    `${[
      'health      ok',
      'server      media-1, version 1.2.3, up 0:00',
      'roles       media',
      'led by      node-1',
      'sessions    1,234',
      '',
      'call manager  at             connected',
      'node-1        10.0.0.1:7480  yes',
      'node-2        10.0.0.2:7480  no',
    ].join('\n')}\n`,
  )
  wrong = 'media:media-1 is not registered'
  const failing = await pbx('status')
  expect([failing.code, failing.out]).toEqual([1, expect.stringContaining(wrong)])
  wrong = undefined
})

test('other commands are refused in words, and nobody else is told anything', async () => {
  const told = 'a server of one role has a status only: ask a call manager'
  for (const words of [['calls'], ['extension', 'remove', '1001']])
    expect((await pbx(...words)).error).toContain(told)
  expect((await fetch(`${url}/api/v1/status`)).status).toBe(401)
  const headers = { authorization: 'Bearer guessed' }
  expect((await fetch(`${url}/api/v1/status`, { headers })).status).toBe(401)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})
