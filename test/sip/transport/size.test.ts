//! RFC 3261 §18.1.1: what is too big for a datagram.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { topVia } from '../../../src/sip/message/views.ts'
import type { Target } from '../../../src/sip/transaction/flow.ts'
import { openBench, ping, until } from './bench.ts'

const BIG = 'x'.repeat(2000)

test('nobody takes it by TCP: it goes by UDP after all, and the next one at once', async () => {
  const bench = await openBench()
  const phone = createSocket('udp4')
  phone.bind(0, '127.0.0.1')
  await once(phone, 'listening')
  const heard: string[] = []
  phone.on('message', (bytes) => heard.push(bytes.toString()))
  const { port } = phone.address()
  const target: Target = { transport: 'udp', host: '127.0.0.1', port }
  const first = ping(bench, target, 'first', BIG)
  bench.transport.send(target, first)
  // A retransmission before it is known that TCP is refused: still one datagram.
  bench.transport.send(target, first)
  await until(() => heard.length > 0)
  expect(heard[0]).toContain('Via: SIP/2.0/UDP')
  expect(bench.transport.counts().sent.tcp).toBe(1)
  bench.transport.send(target, ping(bench, target, 'second', BIG))
  await until(() => heard.length > 1)
  expect(heard.map((text) => /Call-ID: (\w+)/.exec(text)?.[1])).toEqual(['first', 'second'])
  expect(bench.transport.counts().sent.tcp).toBe(1)
  expect(bench.failed).toEqual([])
  phone.close()
  await bench.transport.close()
})

test('retransmissions of what went by TCP are left to TCP', async () => {
  const a = await openBench()
  const b = await openBench()
  const target = b.target('udp')
  const big = ping(a, target, 'big', BIG)
  for (let times = 0; times < 4; times++) a.transport.send(target, big)
  await until(() => b.received.length > 0)
  for (let times = 0; times < 4; times++) a.transport.send(target, big)
  a.transport.send(target, ping(a, target, 'last', BIG))
  await until(() => b.received.some(({ message }) => message.headers.get('call-id') === 'last'))
  expect(b.received.length).toBe(2)
  const via = b.received[0] && topVia(b.received[0].message)
  expect(via?.transport).toBe('TCP')
  expect(via?.port).toBe(a.target('tcp').port)
  expect(topVia(big)?.transport).toBe('UDP')
  await a.transport.close()
  await b.transport.close()
})

test('a big request stays on a UDP flow; a big response on UDP', async () => {
  const a = await openBench()
  const b = await openBench()
  a.transport.send(b.target('udp'), ping(a, b.target('udp'), 'hello'))
  await until(() => b.received.length > 0)
  const flow = b.received[0]?.source.flow
  if (flow === undefined) throw new Error('no flow')
  b.transport.send(flow, ping(b, a.target('udp'), 'big', BIG))
  await until(() => a.received.length > 0)
  expect(a.received[0]?.source.transport).toBe('udp')
  await a.transport.close()
  await b.transport.close()
})
