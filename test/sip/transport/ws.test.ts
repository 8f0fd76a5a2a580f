//! SIP over WebSocket on a real HTTP server (RFC 7118).

import { once } from 'node:events'
import { createServer } from 'node:http'
import { Socket, type AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { millis } from '../../../src/base/time.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import type { TransportOptions } from '../../../src/sip/transport/running-transport.ts'
import { openBench, ping, until, type Bench } from './bench.ts'

const closings: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closings.splice(0)) await close()
})

const OPTIONS = (id: string, body = ''): string =>
  `OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK${id};rport\r\n` +
  `From: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: ${id}\r\nCSeq: 1 OPTIONS\r\n\r\n${body}`

type Site = {
  bench: Bench
  url: string
  browser: (path?: string, protocols?: string[]) => WebSocket
}

async function site(options: Partial<TransportOptions> = {}): Promise<Site> {
  const bench = await openBench(options)
  const server = createServer()
  server.on('upgrade', (request, socket, head) =>
    bench.transport.handleUpgrade(request, socket, head, false),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closings.push(
    () => bench.transport.close(),
    () => void server.close(),
  )
  const { port } = server.address() as AddressInfo
  const url = `ws://127.0.0.1:${port}`
  const browser = (path = '/sip', protocols = ['sip']): WebSocket => {
    const made = new WebSocket(url + path, protocols)
    made.on('error', () => undefined)
    closings.push(() => made.terminate())
    return made
  }
  return { bench, url, browser }
}

function socketOf(webSocket: WebSocket): Socket {
  const { _socket: below } = webSocket as unknown as { _socket: unknown }
  if (!(below instanceof Socket)) throw new Error('ws has no socket')
  return below
}

test('text and binary frames are messages; Content-Length need not be there', async () => {
  const { bench, browser } = await site()
  const alice = browser()
  await once(alice, 'open')
  expect(alice.protocol).toBe('sip')
  expect(alice.extensions).toBe('')
  alice.send(OPTIONS('text', 'grüße'))
  alice.send(Buffer.from(OPTIONS('binary', 'grüße')), { binary: true })
  await until(() => bench.received.length === 2)
  for (const { source, message } of bench.received) {
    expect(source.transport).toBe('ws')
    expect(Buffer.from(message.body).toString()).toBe('grüße')
  }
  expect(bench.received[0]?.source.flow).toBe(bench.received[1]?.source.flow)
})

test('answers go as text, unless they are none', async () => {
  const { bench, browser } = await site()
  const alice = browser()
  await once(alice, 'open')
  const frames: [string, boolean][] = []
  alice.on('message', (data: Buffer, isBinary) => frames.push([data.toString('latin1'), isBinary]))
  bench.transport.received(({ source, message }) => {
    if (message.kind !== 'request') return
    const body = message.headers.get('call-id') === 'odd' ? Buffer.from([0xff, 0xfe]) : undefined
    const answer = reply(message, 200, body === undefined ? {} : { body })
    bench.transport.send(source.flow, answer)
  })
  alice.send(OPTIONS('even'))
  alice.send(OPTIONS('odd'))
  await until(() => frames.length === 2)
  expect(frames.map(([, isBinary]) => isBinary)).toEqual([false, true])
  expect(frames[0]?.[0]).toContain('received=127.0.0.1')
})

test.each([
  ['no subprotocol', '/sip', [], 400, 'subprotocol must be "sip"'],
  ['another subprotocol', '/sip', ['chat'], 400, 'subprotocol must be "sip"'],
  ['another path', '/chat', ['sip'], 404, 'SIP over WebSocket is at /sip'],
])('%s is refused with the reason', async (_what, path, protocols, status, why) => {
  const { browser } = await site()
  const refused = browser(path, [...protocols])
  const [, response] = await once(refused, 'unexpected-response')
  let body = ''
  for await (const chunk of response) body += String(chunk)
  expect(response.statusCode).toBe(status)
  expect(body).toContain(why)
})

test('sip among other subprotocols, and a query, are fine', async () => {
  const { browser } = await site()
  const alice = browser('/sip?token=x', ['chat', 'sip'])
  await once(alice, 'open')
  expect(alice.protocol).toBe('sip')
})

test('a frame too long closes the connection, and nothing else', async () => {
  const { bench, browser } = await site()
  const greedy = browser()
  const alice = browser()
  await Promise.all([once(greedy, 'open'), once(alice, 'open')])
  greedy.send('x'.repeat(70_000))
  const [code] = await once(greedy, 'close')
  expect(code).toBe(1009)
  alice.send(OPTIONS('1'))
  await until(() => bench.received.length === 1)
  await until(() => bench.closed.length === 1)
})

test('line ends in a frame are a keep-alive', async () => {
  const { bench, browser } = await site()
  const alice = browser()
  await once(alice, 'open')
  alice.send('\r\n\r\n')
  const [data] = await once(alice, 'message')
  expect(String(data)).toBe('\r\n')
  expect(bench.invalid).toEqual([])
})

test('a dead browser is found by a ping, a living one stays', async () => {
  const { bench, browser } = await site({ limits: { ping: millis(300) } })
  const dead = browser()
  const alive = browser()
  await Promise.all([once(dead, 'open'), once(alive, 'open')])
  dead.send(OPTIONS('dead'))
  alive.send(OPTIONS('alive'))
  await until(() => bench.received.length === 2)
  const flowOf = (id: string) =>
    bench.received.find(({ message }) => message.headers.get('call-id') === id)?.source.flow
  // Reads nothing any more, so it answers nothing.
  const below = socketOf(dead)
  below.pause()
  await until(() => bench.closed.length > 0)
  expect(bench.closed).toEqual([flowOf('dead')])
  expect(bench.transport.counts().connections.ws).toBe(1)
})

test('a browser that reads what it is sent stays', async () => {
  const { bench, browser } = await site({ limits: { ping: millis(100), stalled: millis(300) } })
  const alice = browser()
  await once(alice, 'open')
  alice.send(OPTIONS('1'))
  await until(() => bench.received.length === 1)
  const [first] = bench.received
  if (first?.message.kind !== 'request') throw new Error('no request')
  bench.transport.send(first.source.flow, reply(first.message, 200, { toTag: 'x' }))
  let pings = 0
  alice.on('ping', () => pings++)
  await once(alice, 'message')
  await until(() => pings === 10 || bench.closed.length > 0)
  expect(bench.closed).toEqual([])
})

test('closing says goodbye; a flow that is gone fails', async () => {
  const { bench, browser } = await site()
  const alice = browser()
  await once(alice, 'open')
  alice.send(OPTIONS('1'))
  await until(() => bench.received.length === 1)
  const [first] = bench.received
  const flow = first?.source.flow
  if (flow === undefined) throw new Error('no flow')
  expect(bench.transport.localAddress(flow)?.transport).toBe('ws')
  alice.close()
  await until(() => bench.closed.length === 1)
  bench.transport.send(flow, ping(bench, bench.target('udp'), 'late'))
  await until(() => bench.failed.length === 1)
  expect(bench.failed[0]?.cause).toBe('no such flow')
  const nobody = { transport: 'ws', host: '127.0.0.1', port: 80 } as const
  bench.transport.send(nobody, ping(bench, bench.target('udp'), 'no way'))
  await until(() => bench.failed.length === 2)
})

test('fragments that never end count as half a message, pings as none', async () => {
  const { bench, browser } = await site({ limits: { partBytesPerSource: 10_000 } })
  const alice = browser()
  const mallory = browser()
  await Promise.all([once(alice, 'open'), once(mallory, 'open')])
  for (let count = 0; count < 100; count++) {
    alice.ping('x'.repeat(100))
    await once(alice, 'pong')
  }
  alice.send(OPTIONS('1', 'z'.repeat(9_000)))
  await until(() => bench.received.length === 1)
  // A whole frame and the beginning of a message in one segment.
  const below = socketOf(mallory)
  below.cork()
  mallory.send('\r\n\r\n')
  mallory.send('O'.repeat(6_000), { fin: false })
  below.uncork()
  mallory.send('O'.repeat(6_000), { fin: false })
  await once(mallory, 'close')
  expect(bench.transport.counts().overfull).toBe(1)
  alice.send(OPTIONS('2'))
  await until(() => bench.received.length === 2)
})
