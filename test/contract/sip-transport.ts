//! What every SipTransport must do. Run against the simulated network and against real sockets:
//!
//!     sipTransportContract('udp and tcp on loopback', ['udp', 'tcp'], openBench)

import { describe, expect, test } from 'vitest'
import { Headers } from '../../src/sip/message/headers.ts'
import { request, type SipRequest } from '../../src/sip/message/message.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { callId, topVia } from '../../src/sip/message/views.ts'
import type { Received, SendFailure, SipTransport } from '../../src/sip/stack/sip-transport.ts'
import {
  isReliable,
  type FlowId,
  type Target,
  type TransportName,
} from '../../src/sip/transaction/flow.ts'

/** Two fresh transports that can reach each other. */
export type TransportBench = {
  readonly a: SipTransport
  readonly b: SipTransport
  /** Where `b` listens. */
  target(transport: TransportName): Target
  /** A port where nobody listens; connections to it are refused. */
  nowhere(transport: TransportName): Target
  /** Lets things happen until `condition`; throws when it has not come true in a few seconds. */
  until(condition: () => boolean): Promise<void>
  /** Breaks the connection behind one of `b`'s flows. */
  breakFlow(flow: FlowId): void
  close(): Promise<void>
}

export function sipTransportContract(
  name: string,
  transports: readonly TransportName[],
  open: () => Promise<TransportBench>,
): void {
  describe(`SipTransport: ${name}`, () => {
    for (const transport of transports) {
      each(transport, 'delivers a request as it was sent', open, delivers)
      each(transport, 'a response goes back down the flow', open, answers)
      each(transport, 'says what to put in a Via', open, localAddress)
      each(transport, '§18.2.1 stamps received and rport', open, stamps)
      if (!isReliable(transport)) continue
      each(transport, 'keeps messages in order, however many', open, keepsOrder)
      each(transport, 'uses a connection again', open, reuses)
      each(transport, 'reports what could not be sent, later', open, reportsRefusal)
      each(transport, 'reports a broken flow and then fails on it', open, reportsBrokenFlow)
      each(transport, 'reports where a broken flow had led', open, reportsBrokenWay)
    }
    if (transports.includes('udp') && transports.includes('tcp'))
      each('udp', '§18.1.1 a big request goes by TCP', open, switchesToTcp)
  })
}

type Check = (bench: TransportBench, transport: TransportName) => Promise<void>

function each(
  transport: TransportName,
  title: string,
  open: () => Promise<TransportBench>,
  check: Check,
): void {
  test(`${transport}: ${title}`, async () => {
    const bench = await open()
    try {
      await check(bench, transport)
    } finally {
      await bench.close()
    }
  })
}

async function delivers(bench: TransportBench, transport: TransportName): Promise<void> {
  const arrived = collect(bench.b)
  const sent = ping(bench, bench.target(transport), 'delivers', 'grüße\r\n\r\n')
  bench.a.send(bench.target(transport), sent)
  await bench.until(() => arrived.length > 0)
  const [first] = arrived
  expect(arrived.length).toBe(1)
  expect(first?.source.transport).toBe(transport)
  const { message } = first ?? {}
  expect(message?.kind === 'request' && message.method).toBe('MESSAGE')
  expect(message?.kind === 'request' && message.uri).toBe(sent.uri)
  expect(Buffer.from(message?.body ?? []).toString('utf8')).toBe('grüße\r\n\r\n')
  expect(first?.bytes.length).toBeGreaterThan(100)
}

async function answers(bench: TransportBench, transport: TransportName): Promise<void> {
  const back = collect(bench.a)
  bench.b.received(({ source, message }) => {
    if (message.kind === 'request') bench.b.send(source.flow, reply(message, 200, { toTag: 't' }))
  })
  bench.a.send(bench.target(transport), ping(bench, bench.target(transport), 'answers'))
  await bench.until(() => back.length > 0)
  const message = back[0]?.message
  expect(message?.kind === 'response' && message.status).toBe(200)
  expect(message && callId(message)).toBe('answers')
}

async function localAddress(bench: TransportBench, transport: TransportName): Promise<void> {
  const local = bench.a.localAddress(bench.target(transport))
  expect(local?.transport).toBe(transport)
  expect(local?.address).toMatch(/^[0-9a-f.:]+$/)
  expect(local?.port).toBeGreaterThan(0)
  const arrived = collect(bench.b)
  bench.a.send(bench.target(transport), ping(bench, bench.target(transport), 'local'))
  await bench.until(() => arrived.length > 0)
  const flow = arrived[0]?.source.flow
  expect(flow && bench.b.localAddress(flow)?.transport).toBe(transport)
  if (isReliable(transport)) expect(bench.b.localAddress('gone' as FlowId)).toBeUndefined()
}

async function stamps(bench: TransportBench, transport: TransportName): Promise<void> {
  const arrived = collect(bench.b)
  bench.a.send(bench.target(transport), ping(bench, bench.target(transport), 'stamps'))
  await bench.until(() => arrived.length > 0)
  const [first] = arrived
  const via = first && topVia(first.message)
  expect(via?.received).toBe(first?.source.address)
  expect(via?.rport).toBe(first?.source.port)
}

async function keepsOrder(bench: TransportBench, transport: TransportName): Promise<void> {
  const arrived = collect(bench.b)
  const ids = Array.from({ length: 200 }, (_, index) => `order-${index}`)
  for (const id of ids)
    bench.a.send(bench.target(transport), ping(bench, bench.target(transport), id))
  await bench.until(() => arrived.length === ids.length)
  expect(arrived.map(({ message }) => callId(message))).toEqual(ids)
}

async function reuses(bench: TransportBench, transport: TransportName): Promise<void> {
  const arrived = collect(bench.b)
  bench.a.send(bench.target(transport), ping(bench, bench.target(transport), 'one'))
  await bench.until(() => arrived.length === 1)
  bench.a.send(bench.target(transport), ping(bench, bench.target(transport), 'two'))
  await bench.until(() => arrived.length === 2)
  expect(arrived[1]?.source.flow).toBe(arrived[0]?.source.flow)
}

async function reportsRefusal(bench: TransportBench, transport: TransportName): Promise<void> {
  const failures: SendFailure[] = []
  bench.a.failed((failure) => failures.push(failure))
  const target = bench.nowhere(transport)
  const sent = ping(bench, target, 'refused')
  bench.a.send(target, sent)
  expect(failures, 'nobody is called back before send returns').toEqual([])
  await bench.until(() => failures.length > 0)
  expect(failures[0]?.target).toEqual(target)
  expect(failures[0]?.message && callId(failures[0].message)).toBe('refused')
  expect(failures[0]?.cause).not.toBe('')
}

async function reportsBrokenFlow(bench: TransportBench, transport: TransportName): Promise<void> {
  const arrived = collect(bench.b)
  const closed: FlowId[] = []
  const failures: SendFailure[] = []
  bench.b.flowClosed((flow) => closed.push(flow))
  bench.b.failed((failure) => failures.push(failure))
  bench.a.send(bench.target(transport), ping(bench, bench.target(transport), 'broken'))
  await bench.until(() => arrived.length > 0)
  const [first] = arrived
  if (first === undefined || first.message.kind !== 'request') throw new Error('no request came')
  const { flow } = first.source
  bench.breakFlow(flow)
  await bench.until(() => closed.length > 0)
  expect(closed).toEqual([flow])
  bench.b.send(flow, reply(first.message, 200, { toTag: 't' }))
  await bench.until(() => failures.length > 0)
  expect(failures[0]?.target).toBe(flow)
}

async function reportsBrokenWay(bench: TransportBench, transport: TransportName): Promise<void> {
  const arrived = collect(bench.b)
  const failures: SendFailure[] = []
  bench.a.failed((failure) => failures.push(failure))
  const target = bench.target(transport)
  bench.a.send(target, ping(bench, target, 'unanswered'))
  await bench.until(() => arrived.length > 0)
  expect(failures).toEqual([])
  bench.breakFlow(arrived[0]?.source.flow ?? ('none' as FlowId))
  await bench.until(() => failures.length > 0)
  expect(failures).toEqual([{ target, cause: failures[0]?.cause }])
}

async function switchesToTcp(bench: TransportBench): Promise<void> {
  const arrived = collect(bench.b)
  const sent = ping(bench, bench.target('udp'), 'big', 'x'.repeat(1_400))
  bench.a.send(bench.target('udp'), sent)
  await bench.until(() => arrived.length > 0)
  expect(arrived[0]?.source.transport).toBe('tcp')
  expect(arrived[0] && topVia(arrived[0].message)?.transport).toBe('TCP')
}

function collect(transport: SipTransport): Received[] {
  const arrived: Received[] = []
  transport.received((received) => arrived.push(received))
  return arrived
}

/** A MESSAGE with a Via as the stack would put it. */
function ping(bench: TransportBench, to: Target, id: string, text = ''): SipRequest {
  const local = bench.a.localAddress(to)
  const sentBy = `${hostText(local?.address ?? '')}:${local?.port}`
  const headers = Headers.of([
    ['via', `SIP/2.0/${to.transport.toUpperCase()} ${sentBy};rport;branch=z9hG4bK${id}`],
    ['max-forwards', '70'],
    ['from', '<sip:a@example.com>;tag=f'],
    ['to', '<sip:b@example.com>'],
    ['call-id', id],
    ['cseq', '1 MESSAGE'],
    ['content-type', 'text/plain;charset=utf-8'],
  ])
  return request('MESSAGE', 'sip:b@example.com', headers, Buffer.from(text))
}

function hostText(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
