//! What a SIP port answers over UDP, seen from a plain socket.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { err } from '../../../src/base/result.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { topVia } from '../../../src/sip/message/views.ts'
import type { TransportOptions } from '../../../src/sip/transport/running-transport.ts'
import { native, openBench, ping, until, type Bench } from './bench.ts'

type Phone = { socket: Socket; port: number; heard: string[]; say(text: string): void }

const closings: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closings.splice(0)) await close()
})

describe.each(['batched', 'dgram'] as const)('%s', (kind) => {
  async function pbx(options: Partial<TransportOptions> = {}): Promise<Bench> {
    const choice = kind === 'batched' ? await native() : err('not wanted here')
    const bench = await openBench({ native: choice, ...options })
    closings.push(() => bench.transport.close())
    return bench
  }

  async function phone(bench: Bench, address = '127.0.0.1'): Promise<Phone> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const heard: string[] = []
    socket.on('message', (bytes) => heard.push(bytes.toString('latin1')))
    closings.push(() => void socket.close())
    const { port } = bench.target('udp')
    const say = (text: string): void => socket.send(Buffer.from(text, 'latin1'), port, address)
    return { socket, port: socket.address().port, heard, say }
  }

  test('RFC 5626 §3.5.2 a STUN binding request is answered on the SIP port', async () => {
    const bench = await pbx()
    const alice = await phone(bench)
    const transaction = 'abcdefghijkl'
    alice.say(`\x00\x01\x00\x00\x21\x12\xa4\x42${transaction}`)
    await until(() => alice.heard.length > 0)
    const answer = Buffer.from(alice.heard[0] ?? '', 'latin1')
    expect(answer.toString('latin1', 8, 20)).toBe(transaction)
    expect(answer.readUInt16BE(26) ^ 0x2112).toBe(alice.port)
    expect(bench.transport.counts().udp.stun).toBe(1)
    expect(bench.received).toEqual([])
  })

  test('keep-alives of phones are taken in silence', async () => {
    const bench = await pbx()
    const alice = await phone(bench)
    for (const text of ['\r\n\r\n', '\0', '\0\0\0\0', '\r\n', ' ']) alice.say(text)
    alice.say('\r\n\r\nOPTIONS sip:a SIP/2.0\r\n\r\n')
    await until(() => bench.received.length > 0)
    expect(bench.transport.counts().udp.keepAlives).toBe(5)
    expect(bench.invalid).toEqual([])
    expect(alice.heard).toEqual([])
  })

  test('what is no SIP is counted, and nobody is answered', async () => {
    const bench = await pbx()
    const alice = await phone(bench)
    alice.say('hello?\r\n\r\n')
    alice.say('SIP/2.0 9 nonsense\r\n\r\n')
    alice.say(
      'ACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nContent-Length: -1\r\n\r\n',
    )
    alice.say('OPTIONS sip:a SIP/2.0\r\n\r\n')
    await until(() => bench.received.length > 0)
    expect(bench.invalid.length).toBe(3)
    expect(alice.heard).toEqual([])
  })

  test('a request that cannot be read gets its 400, where its Via asks for it', async () => {
    const bench = await pbx()
    const alice = await phone(bench)
    alice.say(
      'OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:9;rport;branch=z9hG4bK1\r\n' +
        'From: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n' +
        'Content-Length: 7\r\n\r\nshort',
    )
    await until(() => alice.heard.length > 0)
    const [answer = ''] = alice.heard
    expect(answer).toMatch(/^SIP\/2\.0 400 Bad Request: body shorter than Content-Length\r\n/)
    expect(answer).toContain(`;rport=${alice.port}`)
    expect(answer).toContain(';received=127.0.0.1')
    expect(answer).toMatch(/\r\nTo: <sip:b>;tag=\w+\r\n/)
  })

  test('§18.2.1 a received that the sender wrote himself does not stay', async () => {
    const bench = await pbx()
    const alice = await phone(bench)
    alice.say(
      'OPTIONS sip:a SIP/2.0\r\n' +
        'Via: SIP/2.0/UDP 127.0.0.1;received=192.0.2.66;branch=z9hG4bK1\r\n\r\n',
    )
    alice.say('OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK2\r\n\r\n')
    await until(() => bench.received.length === 2)
    const [lied, honest] = bench.received.map(({ message }) => topVia(message))
    expect(lied?.received).toBe('127.0.0.1')
    expect(honest?.received).toBeUndefined()
  })

  test('a message outlives its datagram: bodies are copies', async () => {
    const bench = await pbx()
    const alice = await phone(bench)
    for (let index = 0; index < 200; index++)
      alice.say(`MESSAGE sip:a SIP/2.0\r\nCall-ID: ${index}\r\n\r\nbody ${index}`)
    await until(() => bench.received.length === 200)
    for (const { message, bytes } of bench.received) {
      const id = message.headers.get('call-id')
      expect(Buffer.from(message.body).toString()).toBe(`body ${id}`)
      expect(Buffer.from(bytes).toString()).toContain(`body ${id}`)
    }
  })

  test('a flow of before a restart still leads to its phone', async () => {
    const before = await pbx()
    const alice = await phone(before)
    alice.say('OPTIONS sip:a SIP/2.0\r\n\r\n')
    await until(() => before.received.length > 0)
    const [first] = before.received
    const flow = first?.source.flow
    const { port } = before.target('udp')
    await before.transport.close()
    const now = await pbx({ port })
    if (flow === undefined) throw new Error('no flow')
    now.transport.send(flow, ping(now, now.target('udp'), 'after'))
    await until(() => alice.heard.length > 0)
    expect(alice.heard[0]).toContain('Call-ID: after')
    expect(now.transport.localAddress(flow)).toEqual({
      transport: 'udp',
      address: '127.0.0.1',
      port,
    })
  })

  test('the source of a flow is one object for all its messages', async () => {
    const bench = await pbx()
    const alice = await phone(bench)
    alice.say('OPTIONS sip:a SIP/2.0\r\n\r\n')
    alice.say('OPTIONS sip:b SIP/2.0\r\n\r\n')
    await until(() => bench.received.length === 2)
    expect(bench.received[0]?.source).toBe(bench.received[1]?.source)
  })

  test.runIf(kind === 'batched')('bound to all, it answers from where it was asked', async () => {
    const bench = await pbx({ addresses: ['0.0.0.0'], tls: undefined })
    const alice = await phone(bench, '127.0.0.44')
    const from = once(alice.socket, 'message')
    bench.transport.received(({ source, message }) => {
      if (message.kind === 'request') bench.transport.send(source.flow, reply(message, 200))
    })
    alice.say('OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bK1\r\n\r\n')
    const [, { address }] = await from
    expect(address).toBe('127.0.0.44')
    expect(bench.received[0]?.source.localAddress).toBe('127.0.0.44')
    const flow = bench.received[0]?.source.flow
    expect(flow && bench.transport.localAddress(flow)?.address).toBe('127.0.0.44')
  })

  test.runIf(kind === 'batched')('§18.4 ICMP: told once, with the target, later', async () => {
    const bench = await pbx()
    const target = { transport: 'udp', host: '127.0.0.1', port: 9 } as const
    for (let count = 0; count < 5; count++)
      bench.transport.send(target, ping(bench, target, `nobody ${count}`))
    expect(bench.failed).toEqual([])
    await until(() => bench.failed.length > 0)
    expect(bench.failed).toEqual([{ target, cause: 'ECONNREFUSED' }])
  })
})

test('a public address is told to those outside of private networks only', async () => {
  const bench = await openBench({ publicAddress: '198.51.100.7', addresses: ['127.0.0.1', '::1'] })
  closings.push(() => bench.transport.close())
  const said = (host: string): string | undefined =>
    bench.transport.localAddress({ transport: 'udp', host, port: 5060 })?.address
  expect(said('203.0.113.5')).toBe('198.51.100.7')
  expect(said('192.168.1.5')).toBe('127.0.0.1')
  expect(said('2001:db8::1')).toBe('::1')
})

test('a taken port is told with transport and code, and nothing stays open', async () => {
  const first = await openBench()
  closings.push(() => first.transport.close())
  const { port } = first.target('udp')
  await expect(openBench({ port })).rejects.toThrow(/"EADDRINUSE".*"udp"/)
  const tls = first.target('tls').port
  const identities = [{ certificate: '', key: '', names: [] }]
  await expect(openBench({ tls: { port: tls, identities } })).rejects.toThrow(/"tls"/)
})
