//! What a route refuses is told to who asked; what went wrong is told in the log.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { HttpRefusal, openHttp, type HttpServers } from '../../src/http/server.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { selfSigned } from '../../src/x509/issue.ts'

const logged: string[] = []
let servers: HttpServers
beforeAll(async () => {
  servers = await openHttp({
    address: '127.0.0.1',
    httpPort: 0,
    httpsPort: 0,
    identity: selfSigned(['localhost'], new Date()),
    log: (level, event) => void logged.push(`${level} ${event}`),
    metrics: new Metrics('pbx-1'),
    onUpgrade: ({ socket }) => void socket.destroy(),
    routes: (app) => {
      app.get('/nobody', () => {
        throw new HttpRefusal(503, 'no node leads at the moment; try again', 2)
      })
      app.get('/broken', () => {
        throw new Error('the inside of it')
      })
    },
  })
})
afterAll(() => servers.close(0))

async function asked(path: string): Promise<readonly unknown[]> {
  const response = await fetch(`http://127.0.0.1:${servers.httpPort}${path}`)
  return [response.status, response.headers.get('retry-after'), await response.json()]
}

test('a refusal is no failure of the server', async () => {
  const told = { error: 'no node leads at the moment; try again' }
  expect(await asked('/nobody')).toEqual([503, '2', told])
  expect(logged).toEqual([])
})

test('a failure is, and its inside stays inside', async () => {
  expect(await asked('/broken')).toEqual([500, null, { error: 'the server failed; see its log' }])
  expect(logged).toEqual(['error http.failed'])
})
