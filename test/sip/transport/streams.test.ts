//! TCP and TLS seen from plain sockets: keep-alives, garbage, bounds, reuse, certificates.

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { millis } from '../../../src/base/time.ts'
import { selfSigned } from '../../../src/x509/issue.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { topVia } from '../../../src/sip/message/views.ts'
import type { Target } from '../../../src/sip/transaction/flow.ts'
import type { TransportOptions } from '../../../src/sip/transport/running-transport.ts'
import { openBench, ping, until, type Bench } from './bench.ts'

type Client = { socket: Socket; heard: () => string; closed: () => boolean; port: number }

const closings: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closings.splice(0)) await close()
})

async function pbx(options: Partial<TransportOptions> = {}): Promise<Bench> {
  const bench = await openBench(options)
  closings.push(() => bench.transport.close())
  return bench
}

async function client(bench: Bench): Promise<Client> {
  const { host, port } = bench.target('tcp')
  const socket = connect({ host, port })
  let text = ''
  let closed = false
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.on('close', () => (closed = true))
  socket.on('error', () => undefined)
  closings.push(() => void socket.destroy())
  await once(socket, 'connect')
  return { socket, heard: () => text, closed: () => closed, port: socket.localPort ?? 0 }
}

const OPTIONS = (id: string, via = 'h'): string =>
  `OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP ${via};branch=z9hG4bK${id}\r\n` +
  `From: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: ${id}\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n`

test('RFC 5626 §3.5.1 a double CRLF is answered with one, between messages too', async () => {
  const bench = await pbx()
  const alice = await client(bench)
  alice.socket.write('\r\n\r\n')
  await until(() => alice.heard() === '\r\n')
  alice.socket.write(`${OPTIONS('1')}\r\n\r\n${OPTIONS('2')}`)
  await until(() => bench.received.length === 2 && alice.heard() === '\r\n\r\n')
  expect(bench.received.map(({ message }) => message.headers.get('call-id'))).toEqual(['1', '2'])
})

test('what is not SIP closes the connection at once', async () => {
  const bench = await pbx()
  const browser = await client(bench)
  browser.socket.write('GET / HTTP/1.1\r\nHost: pbx\r\n\r\n')
  await until(browser.closed)
  expect(browser.heard()).toBe('')
  expect(bench.invalid[0]?.error.rule).toBe('not SIP')
  await until(() => bench.closed.length === 1)
})

test('§18.3 a request that cannot be framed is answered, then the connection ends', async () => {
  const bench = await pbx()
  const alice = await client(bench)
  alice.socket.write(OPTIONS('1').replace('l: 0', 'Content-Length: -1'))
  await until(alice.closed)
  expect(alice.heard()).toMatch(/^SIP\/2\.0 400 Bad Request: bad Content-Length\r\n/)
  const bob = await client(bench)
  bob.socket.write(OPTIONS('2').replace('l: 0', 'l: 99999'))
  await until(bob.closed)
  expect(bob.heard()).toMatch(/^SIP\/2\.0 513 /)
})

test('a framed request that cannot be read is answered, and the connection lives', async () => {
  const bench = await pbx()
  const alice = await client(bench)
  alice.socket.write(OPTIONS('1').replace('From', 'Fr om'))
  await until(() => alice.heard().startsWith('SIP/2.0 400 '))
  alice.socket.write(OPTIONS('2'))
  await until(() => bench.received.length === 1)
})

test('a flow leads back, whole or in pieces', async () => {
  const bench = await pbx()
  const alice = await client(bench)
  bench.transport.received(({ source, message }) => {
    if (message.kind === 'request') bench.transport.send(source.flow, reply(message, 200))
  })
  for (const byte of OPTIONS('slow')) {
    alice.socket.write(byte)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => alice.heard().includes('Call-ID: slow'))
  const via = bench.received[0] && topVia(bench.received[0].message)
  expect(via?.received).toBe('127.0.0.1')
})

test('RFC 5923: an alias of its own address is believed, another is not', async () => {
  const bench = await pbx()
  const alice = await client(bench)
  alice.socket.write(OPTIONS('1', '127.0.0.1:5999;alias'))
  const mallory = await client(bench)
  mallory.socket.write(OPTIONS('2', '127.0.0.2:5998;alias'))
  await until(() => bench.received.length === 2)
  const to = (port: number, host: string): Target => ({ transport: 'tcp', host, port })
  const reused = to(5999, '127.0.0.1')
  bench.transport.send(reused, ping(bench, reused, 'reused'))
  await until(() => alice.heard().includes('Call-ID: reused'))
  const foreign = to(5998, '127.0.0.2')
  bench.transport.send(foreign, ping(bench, foreign, 'foreign'))
  await until(() => bench.failed.length === 1)
  expect(mallory.heard()).toBe('')
})

test('a connection is found by where it came from', async () => {
  const bench = await pbx()
  const alice = await client(bench)
  alice.socket.write(OPTIONS('1'))
  await until(() => bench.received.length === 1)
  const target: Target = { transport: 'tcp', host: '127.0.0.1', port: alice.port }
  bench.transport.send(target, ping(bench, target, 'back'))
  await until(() => alice.heard().includes('Call-ID: back'))
})

test('a lost connection fails what waits on it and is told as closed', async () => {
  const bench = await pbx()
  const deaf = createServer({ pauseOnConnect: true })
  deaf.listen(0, '127.0.0.1')
  const connected = once(deaf, 'connection')
  await once(deaf, 'listening')
  closings.push(() => void deaf.close())
  const { port } = deaf.address() as AddressInfo
  const target: Target = { transport: 'tcp', host: '127.0.0.1', port }
  const send = (id: string): void =>
    bench.transport.send(target, ping(bench, target, id, 'x'.repeat(50_000)))
  send('first')
  const [peer] = await connected
  // Until the kernel takes no more, and then until we do not either.
  for (let turn = 0; bench.failed.length < 100; turn++) {
    for (let count = 0; count < 10; count++) send(`${turn} ${count}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(new Set(bench.failed.map(({ cause }) => cause))).toEqual(new Set(['queue full']))
  peer.resetAndDestroy()
  await until(() => bench.closed.length === 1)
  expect(bench.failed.at(-1)?.cause).toBe('ECONNRESET')
  expect(bench.failed.every((failure) => failure.target === target)).toBe(true)
})

test('a stranger who says nothing is shown out; too many of them are not let in', async () => {
  const bench = await pbx({ limits: { introduction: millis(300), strangersPerSource: 2 } })
  const strangers = [await client(bench), await client(bench)]
  const third = await client(bench)
  await until(third.closed)
  expect(bench.transport.counts().refused).toBe(1)
  await until(() => strangers.every((each) => each.closed()))
  const known = await client(bench)
  known.socket.write('\r\n\r\n')
  await until(() => known.heard() === '\r\n')
  expect(bench.transport.counts().connections.tcp).toBe(1)
})

test('drain lets nobody new in; who is there can go on', async () => {
  const bench = await pbx()
  const alice = await client(bench)
  alice.socket.write(OPTIONS('1'))
  await until(() => bench.received.length === 1)
  bench.transport.drain()
  await expect(client(bench)).rejects.toThrow(/ECONNREFUSED/)
  alice.socket.write(OPTIONS('2'))
  await until(() => bench.received.length === 2)
})

test('nobody answers: the connection fails in time', async () => {
  const bench = await pbx({ limits: { connect: millis(200) } })
  // TEST-NET-1: nobody there, whether this host has a way to it or not.
  const target: Target = { transport: 'tcp', host: '192.0.2.1', port: 5060 }
  bench.transport.send(target, ping(bench, target, 'lost'))
  await until(() => bench.failed.length > 0)
  expect(bench.failed[0]?.target).toBe(target)
})

test('TLS: the certificate must be of the name that was asked for', async () => {
  const a = await pbx()
  const b = await pbx()
  const right = { ...b.target('tls'), serverName: 'pbx.example' }
  a.transport.send(right, ping(a, right, 'right'))
  await until(() => b.received.length === 1)
  expect(b.received[0]?.source.transport).toBe('tls')
  const wrong = { ...b.target('tls'), serverName: 'other.example' }
  a.transport.send(wrong, ping(a, wrong, 'wrong'))
  await until(() => a.failed.length === 1)
  expect(a.failed[0]?.cause).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  const stranger = await pbx({ trust: { authorities: [], verify: true } })
  stranger.transport.send(right, ping(stranger, right, 'unknown'))
  await until(() => stranger.failed.length === 1)
  expect(stranger.failed[0]?.cause).toBe('DEPTH_ZERO_SELF_SIGNED_CERT')
  const careless = await pbx({ trust: { authorities: [], verify: false } })
  careless.transport.send(wrong, ping(careless, wrong, 'careless'))
  await until(() => b.received.length === 2)
})

test('TLS: certificates by name, changed while it runs', async () => {
  const one = { ...selfSigned(['one.example'], new Date()), names: ['one.example'] }
  const two = { ...selfSigned(['two.example'], new Date()), names: ['two.example'] }
  const bench = await pbx({ tls: { port: 0, identities: [one, two] } })
  const { port } = bench.target('tls')
  const presented = async (servername: string): Promise<string | undefined> => {
    const socket = connectTls({ host: '127.0.0.1', port, servername, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    const { subjectaltname } = socket.getPeerCertificate()
    socket.destroy()
    return subjectaltname
  }
  expect(await presented('one.example')).toBe('DNS:one.example')
  expect(await presented('two.example')).toBe('DNS:two.example')
  expect(await presented('unknown.example')).toBe('DNS:one.example')
  const three = { ...selfSigned(['three.example'], new Date()), names: ['three.example'] }
  expect(bench.transport.present([three]).ok).toBe(true)
  expect(await presented('two.example')).toBe('DNS:three.example')
  const broken = bench.transport.present([{ certificate: 'x', key: 'y', names: [] }])
  expect(broken.ok).toBe(false)
  expect(await presented('two.example')).toBe('DNS:three.example')
})

test('TLS: 1.1 is refused, and so is no TLS at all', async () => {
  const bench = await pbx()
  const { host, port } = bench.target('tls')
  const old = connectTls({ host, port, maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })
  const [failure] = await once(old, 'error').catch((error: unknown) => [error])
  expect(failure).toBeInstanceOf(Error)
  const plain = connect({ host, port })
  plain.on('error', () => undefined)
  plain.resume()
  plain.write(OPTIONS('1'))
  await once(plain, 'close')
  expect(bench.received).toEqual([])
  await until(() => bench.transport.counts().refused === 2)
})

test('closing lets out what is queued, and waits for no one', async () => {
  const bench = await openBench()
  const alice = await client(bench)
  const { host, port } = bench.target('tls')
  // In the middle of a TLS handshake, for good.
  const stuck = connect({ host, port })
  stuck.on('error', () => undefined)
  closings.push(() => void stuck.destroy())
  await once(stuck, 'connect')
  alice.socket.write(OPTIONS('1'))
  await until(() => bench.received.length === 1)
  const flow = bench.received[0]?.source.flow
  if (flow === undefined) throw new Error('no flow')
  bench.transport.send(flow, ping(bench, bench.target('tcp'), 'last', 'x'.repeat(60_000)))
  const began = performance.now()
  await bench.transport.close()
  expect(performance.now() - began).toBeLessThan(5_000)
  await until(alice.closed)
  expect(alice.heard()).toContain('Call-ID: last')
  expect(alice.heard().length).toBeGreaterThan(60_000)
})

test('half a message, and half a message, and …: one source may hold so much', async () => {
  const limits = { partBytesPerSource: 20_000 }
  const bench = await pbx({ limits })
  const half = OPTIONS('1').replace('l: 0\r\n\r\n', `X: ${'y'.repeat(6_000)}\r\n`)
  const small = await client(bench)
  small.socket.write('\r\n\r\n')
  small.socket.write(half)
  const large = await client(bench)
  // Pings and whole messages earn no more room.
  large.socket.write(`\r\n\r\n${OPTIONS('0')}`)
  large.socket.write(half + `Z: ${'y'.repeat(6_000)}\r\n`)
  await until(() => bench.received.length === 1)
  expect(large.closed() || small.closed()).toBe(false)
  const third = await client(bench)
  third.socket.write(half)
  await until(large.closed)
  expect(bench.transport.counts().overfull).toBe(1)
  const told = bench.log.filter(({ event }) => event === 'connections.overfull')
  expect(told).toMatchObject([{ level: 'warn', fields: { address: '127.0.0.1', closed: 1 } }])
  // The others go on, and what they finish is theirs no more.
  small.socket.write('l: 0\r\n\r\n')
  third.socket.write('l: 0\r\n\r\n')
  await until(() => bench.received.length === 3)
})

test('all sources together may hold so much', async () => {
  const bench = await pbx({ limits: { partBytes: 10_000 } })
  const alice = await client(bench)
  const half = OPTIONS('1').replace('l: 0\r\n\r\n', `X: ${'y'.repeat(6_000)}\r\n`)
  alice.socket.write(half)
  const bob = await client(bench)
  bob.socket.write(half)
  await until(() => alice.closed() || bob.closed())
  expect(bench.transport.counts().overfull).toBe(1)
})

test.each(['tcp', 'tls', 'udp'] as const)(
  'what we send over %s comes from the address that we listen on, as a virtual one',
  async (kind) => {
    const [own, far] = [await pbx({ addresses: ['127.0.0.9'] }), await pbx()]
    const target = { ...far.target(kind), serverName: 'localhost' }
    own.transport.send(target, ping(own, target, 'own'))
    await until(() => far.received.length === 1)
    expect(far.received[0]?.source.address).toBe('127.0.0.9')
  },
)
