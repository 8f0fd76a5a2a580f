//! A body that comes too slowly is not waited for, but for what is made to be slow.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHttp, type HttpServers } from '../../src/http/server.ts'
import { selfSigned } from '../../src/x509/issue.ts'
import { Metrics } from '../../src/observe/metrics.ts'

const BODY_TIMEOUT_MS = 300

let servers: HttpServers
beforeAll(async () => {
  servers = await openHttp({
    address: '127.0.0.1',
    httpPort: 0,
    httpsPort: 0,
    identity: selfSigned(['localhost'], new Date()),
    log: () => undefined,
    metrics: new Metrics('pbx-1'),
    bodyTimeoutMs: BODY_TIMEOUT_MS,
    onUpgrade: ({ socket }) => void socket.destroy(),
    routes: (app) => {
      app.addContentTypeParser('text/csv', (_request, payload, done) => done(null, payload))
      app.post('/small', (request, reply) => reply.send({ body: request.body }))
      app.post('/import', { config: { slowBody: true } }, (request, reply) => {
        if (!(request.body instanceof Readable)) return reply.code(415).send()
        // The answer begins before the body has ended, as that of an import does.
        return reply.send(Readable.from(echo(request.body)))
      })
      app.post('/closed', { config: { slowBody: true } }, (_request, reply) =>
        reply.code(401).send(),
      )
    },
  })
})
afterAll(() => servers.close(0))

async function* echo(body: Readable): AsyncGenerator<string> {
  yield 'begun,'
  for await (const piece of body) yield String(piece)
}

/** Sends the head and a piece of the body, and no more. */
async function begin(path: string, type = 'application/json'): Promise<Slow> {
  const socket = connect(servers.httpPort, '127.0.0.1')
  const slow = { socket, heard: '', closedAt: 0 }
  socket.on('data', (chunk: Buffer) => void (slow.heard += chunk.toString()))
  socket.on('error', () => undefined)
  socket.on('close', () => void (slow.closedAt = performance.now()))
  await once(socket, 'connect')
  const head = `POST ${path} HTTP/1.1\r\nHost: pbx\r\nContent-Type: ${type}\r\n`
  socket.write(`${head}Content-Length: 10\r\n\r\n{"a"`)
  return slow
}

type Slow = { readonly socket: Socket; heard: string; closedAt: number }

test('a request whose body stops is answered with 408 and cut off', async () => {
  const slow = await begin('/small')
  await once(slow.socket, 'close')
  expect(slow.heard).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
})

test('one that was answered before its body came is cut off as well', async () => {
  const slow = await begin('/closed', 'text/csv')
  await once(slow.socket, 'close')
  expect(slow.heard).toMatch(/^HTTP\/1\.1 401 /)
})

test('an import may take its time', async () => {
  const slow = await begin('/import', 'text/csv')
  await new Promise((resolve) => setTimeout(resolve, 3 * BODY_TIMEOUT_MS))
  expect(slow.closedAt).toBe(0)
  expect(slow.heard).toMatch(/^HTTP\/1\.1 200 [^]*begun,/)
  slow.socket.write(': 1} \n')
  await once(slow.socket, 'data')
  expect(slow.heard).toContain(': 1}')
  slow.socket.destroy()
})

test('what came in time is not touched', async () => {
  const url = `http://127.0.0.1:${servers.httpPort}/small`
  const headers = { 'content-type': 'application/json' }
  for (let round = 0; round < 2; round++) {
    const answer = await fetch(url, { method: 'POST', headers, body: '{"a":1}' })
    expect(await answer.json()).toEqual({ body: { a: 1 } })
    await new Promise((resolve) => setTimeout(resolve, 1.5 * BODY_TIMEOUT_MS))
  }
})
