//! Closing takes no longer than it is given, whoever is still connected and silent.

import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import type { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { openHttp, type HttpOptions, type HttpServers } from '../../src/http/server.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { selfSigned } from '../../src/x509/issue.ts'

const HOST = '127.0.0.1'
const GRACE_MS = 100
const TOO_LONG_MS = 5_000

async function opened(
  onUpgrade: (socket: Duplex) => void,
  routes: HttpOptions['routes'] = () => undefined,
): Promise<HttpServers> {
  return openHttp({
    address: HOST,
    httpPort: 0,
    httpsPort: 0,
    identity: selfSigned(['localhost'], new Date()),
    log: () => undefined,
    metrics: new Metrics('pbx-1'),
    onUpgrade: ({ socket }) => onUpgrade(socket),
    routes,
  })
}

async function closes(servers: HttpServers): Promise<'closed' | 'not closed'> {
  const late = new Promise<'not closed'>((resolve) => {
    setTimeout(() => resolve('not closed'), TOO_LONG_MS).unref()
  })
  return Promise.race([servers.close(GRACE_MS).then(() => 'closed' as const), late])
}

test('a client in the middle of a TLS handshake is not waited for', async () => {
  const servers = await opened((socket) => void socket.destroy())
  const client = connect(servers.httpsPort, HOST)
  await once(client, 'connect')
  // Accepted, and seen by the server.
  await new Promise((resolve) => void setTimeout(resolve, 50))
  expect(await closes(servers)).toBe('closed')
  client.destroy()
})

test('nor is a connection that was given away by an upgrade', async () => {
  const given = Promise.withResolvers<Duplex>()
  const servers = await opened(given.resolve)
  const headers = { connection: 'upgrade', upgrade: 'websocket' }
  const client = request({ host: HOST, port: servers.httpPort, headers })
  client.on('error', () => {})
  client.end()
  const socket = await given.promise
  expect(await closes(servers)).toBe('closed')
  expect(socket.destroyed).toBe(false)
  socket.destroy()
})

test('what is answered while this thread was held up is answered', async () => {
  const { port1, port2 } = new MessageChannel()
  const asked = Promise.withResolvers<void>()
  const news = once(port2, 'message')
  const servers = await opened(
    (socket) => void socket.destroy(),
    (app) =>
      app.get('/slow', async () => {
        asked.resolve()
        return { news: (await news)[0] as string }
      }),
  )
  const answer = fetch(`http://${HOST}:${servers.httpPort}/slow`)
  await asked.promise
  const closed = servers.close(GRACE_MS)
  port1.postMessage('done')
  const until = performance.now() + 2 * GRACE_MS
  while (performance.now() < until);
  expect(await (await answer).json()).toEqual({ news: 'done' })
  await closed
  port1.close()
})
