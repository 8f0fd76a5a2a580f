//! What the transaction layer and the stack cost a message, without sockets. The baseline is what
//! must be done in any case: read the same requests, make and write their answers.

import { pathToFileURL } from 'node:url'
import { assert } from '../../src/base/assert.ts'
import type { Host, Subscribe } from '../../src/base/host.ts'
import { seededRandom } from '../../src/base/random.ts'
import { millis, wallTime, type Millis } from '../../src/base/time.ts'
import { Headers } from '../../src/sip/message/headers.ts'
import { request, type SipMessage, type SipRequest } from '../../src/sip/message/message.ts'
import { parseMessage } from '../../src/sip/message/parse.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { serialize } from '../../src/sip/message/serialize.ts'
import { createSipStack, type RunnableSipStack, type TransactionUser } from '../../src/sip/stack.ts'
import type { Received, SipTransport } from '../../src/sip/stack/sip-transport.ts'
import type { FlowId, Source } from '../../src/sip/transaction/flow.ts'
import type { LayerInput } from '../../src/sip/transaction/layer-events.ts'
import { TransactionLayer } from '../../src/sip/transaction/layer.ts'

/** `ratio` is to the baseline of the same run. */
export type Row = {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly ratio?: number
}

const ROUNDS = 40_000
const RUNS = 6
const SOURCE: Source = {
  flow: 'udp:192.0.2.45:5060' as FlowId,
  transport: 'udp',
  address: '192.0.2.45',
  port: 5060,
  localAddress: '192.0.2.1',
  localPort: 5060,
}

export function run(): Row[] {
  const baseline = perSecond(ROUNDS, readAndAnswer)
  const rows: Row[] = [
    { name: 'REGISTER read, answer written (baseline)', value: baseline, unit: 'transactions/s' },
    row('layer: server transaction, REGISTER', perSecond(ROUNDS, layerRegister), baseline),
    row('layer: client transaction, OPTIONS', perSecond(ROUNDS, layerOptions), baseline),
    row('layer: INVITE server, 100 180 200', perSecond(ROUNDS, layerInvite), baseline),
    row('stack: REGISTER, read to written', perSecond(ROUNDS, stackRegister), baseline),
    { ...row('stack: B2BUA call', perSecond(ROUNDS / 4, stackCalls), baseline), unit: 'calls/s' },
  ]
  return rows
}

function row(name: string, value: number, baseline: number): Row {
  return { name, value, unit: 'transactions/s', ratio: value / baseline }
}

/** The best of several runs, by the thread's own CPU time: the machine may be busy otherwise. */
function perSecond(rounds: number, body: (rounds: number) => number): number {
  let best = 0
  for (let run = 0; run < RUNS; run++) {
    const before = process.threadCpuUsage()
    const done = body(rounds)
    const { user, system } = process.threadCpuUsage(before)
    best = Math.max(best, (done * 1e6) / (user + system))
  }
  return best
}

function readAndAnswer(rounds: number): number {
  let bytes = 0
  for (let index = 0; index < rounds; index++)
    bytes += serialize(reply(register(index), 200, { toTag: 'x' })).length
  return bytes > 0 ? rounds : 0
}

function layerRegister(rounds: number): number {
  const layer = new TransactionLayer()
  const clock = new Clock()
  for (let index = 0; index < rounds; index++) {
    const now = clock.tick(layer)
    const message = register(index)
    const [begun] = layer.step({ kind: 'received', source: SOURCE, message }, now)
    assert(begun?.kind === 'request', 'no request')
    const response = reply(message, 200, { toTag: 'x' })
    layer.step({ kind: 'respond', key: begun.key, response }, now)
  }
  return rounds
}

function layerOptions(rounds: number): number {
  const layer = new TransactionLayer()
  const clock = new Clock()
  for (let index = 0; index < rounds; index++) {
    const now = clock.tick(layer)
    const branch = `z9hG4bK${index}x`
    const asked = ours('OPTIONS', branch)
    const key = `${branch}|OPTIONS` as Extract<LayerInput, { kind: 'request' }>['key']
    layer.step({ kind: 'request', key, to: SOURCE.flow, reliable: false, request: asked }, now)
    const message = received(serialize(reply(asked, 200, { toTag: 'x' })))
    const [heard] = layer.step({ kind: 'received', source: SOURCE, message }, now)
    assert(heard?.kind === 'response', 'no response')
  }
  return rounds
}

function layerInvite(rounds: number): number {
  const layer = new TransactionLayer()
  const clock = new Clock()
  for (let index = 0; index < rounds; index++) {
    const now = clock.tick(layer)
    const message = invite(index, 1)
    const [begun] = layer.step({ kind: 'received', source: SOURCE, message }, now)
    assert(begun?.kind === 'request', 'no request')
    layer.step({ kind: 'wake' }, now)
    for (const status of [180, 200]) {
      const response = reply(message, status, { toTag: 'x' })
      layer.step({ kind: 'respond', key: begun.key, response }, now)
    }
  }
  return rounds
}

function stackRegister(rounds: number): number {
  const { stack, network } = open()
  network.user = {
    ...NOBODY,
    onRequest: (asked, key) => stack.respond(key, reply(asked, 200, { toTag: 'x' })),
  }
  for (let index = 0; index < rounds; index++) {
    network.clock.pass()
    network.receive(registerBytes(index))
  }
  assert(network.sent === rounds, `${network.sent} answers`)
  return rounds
}

/** A caller that is challenged, an answering callee, and a user that passes everything on. */
function stackCalls(rounds: number): number {
  const { stack, network } = open()
  let tag = 0
  let ended = 0
  let inbound: {
    readonly asked: SipRequest
    readonly key: Parameters<RunnableSipStack['respond']>[0]
  }
  network.user = {
    ...NOBODY,
    onRequest(asked, key) {
      if (asked.method === 'INVITE' && !asked.headers.has('proxy-authorization'))
        return stack.respond(key, reply(asked, 407, { toTag: `t${tag++}` }))
      inbound = { asked, key }
      const passed = ours(asked.method, '', asked.body)
      stack.request(passed, SOURCE.flow, {
        onResponse: (response) => {
          if (response.status === 100) return
          const passedBack = reply(inbound.asked, response.status, {
            toTag: 'x',
            body: response.body,
          })
          stack.respond(inbound.key, passedBack)
          if (asked.method === 'BYE') ended++
        },
        onFailed: () => undefined,
      })
      return undefined
    },
    onAck: () => stack.send(ours('ACK', ''), SOURCE.flow),
  }
  network.answer = (asked) => {
    if (asked.method === 'ACK') return
    const statuses = asked.method === 'INVITE' ? [100, 180, 200] : [200]
    for (const status of statuses)
      network.receive(serialize(reply(asked, status, { toTag: 'y', body: asked.body })))
  }
  for (let index = 0; index < rounds; index++) {
    network.clock.pass()
    network.receive(inviteBytes(index, 1))
    network.receive(bytesOf('ACK', index, 1, ''))
    network.receive(inviteBytes(index, 2, 'Proxy-Authorization: Digest username="alice"\r\n'))
    network.receive(bytesOf('ACK', index, 3, ''))
    network.receive(bytesOf('BYE', index, 4, ''))
  }
  assert(ended === rounds, `${ended} calls of ${rounds} ended`)
  return rounds
}

/** 2,500 transactions a second in virtual time, so that timers fire and things are forgotten. */
class Clock {
  now: Millis = millis(0)
  #ticks = 0

  tick(layer: TransactionLayer): Millis {
    this.now = millis(Math.floor(++this.#ticks * 0.4))
    const due = layer.deadline()
    if (due !== undefined && due <= this.now) layer.step({ kind: 'wake' }, this.now)
    return this.now
  }
}

type Alarm = { readonly at: Millis; run: (() => void) | undefined }

class StackClock {
  now: Millis = millis(0)
  #ticks = 0
  #alarms: Alarm[] = []

  readonly host: Host = {
    now: () => this.now,
    wall: () => wallTime(0),
    random: seededRandom(1),
    wake: (at, run) => {
      const alarm: Alarm = { at, run }
      this.#alarms.push(alarm)
      return () => {
        alarm.run = undefined
      }
    },
    log: () => undefined,
  }

  pass(): void {
    this.now = millis(++this.#ticks * 0.4)
    if (!this.#alarms.some(({ at }) => at <= this.now)) return
    const due = this.#alarms.filter(({ at }) => at <= this.now)
    this.#alarms = this.#alarms.filter(({ at, run }) => at > this.now && run !== undefined)
    for (const { run } of due) run?.()
  }
}

const NOBODY: TransactionUser = {
  onRequest: () => undefined,
  onCancel: () => undefined,
  onAck: () => undefined,
  onStrayResponse: () => undefined,
  onServerFailed: () => undefined,
}

/** A transport without a network: what is sent is counted, and requests may be answered. */
class Loop implements SipTransport {
  readonly clock = new StackClock()
  user = NOBODY
  answer: (asked: SipRequest) => void = () => undefined
  sent = 0
  #listener: (event: Received) => void = () => undefined
  #arriving: Uint8Array[] = []
  readonly received: Subscribe<Received> = (listener) => {
    this.#listener = listener
    return () => undefined
  }
  readonly failed = (): (() => void) => () => undefined
  readonly flowClosed = (): (() => void) => () => undefined

  localAddress(): { readonly transport: 'udp'; readonly address: string; readonly port: number } {
    return { transport: 'udp', address: '192.0.2.1', port: 5060 }
  }

  send(_to: unknown, message: SipMessage, bytes: Uint8Array = serialize(message)): void {
    this.sent++
    if (message.kind === 'request') this.#arriving.push(bytes)
  }

  receive(bytes: Uint8Array): void {
    this.#listener({ source: SOURCE, message: received(bytes), bytes })
    const arrived = this.#arriving
    this.#arriving = []
    for (const each of arrived) {
      const asked = received(each)
      if (asked.kind === 'request') this.answer(asked)
    }
  }
}

function open(): { readonly stack: RunnableSipStack; readonly network: Loop } {
  const network = new Loop()
  const { host } = network.clock
  const stack = createSipStack({ host, transport: network, resolve: (_, found) => found([]) })
  stack.start({
    onRequest: (asked, key, source) => network.user.onRequest(asked, key, source),
    onCancel: (key, cancel, source) => network.user.onCancel(key, cancel, source),
    onAck: (ack, source) => network.user.onAck(ack, source),
    onStrayResponse: (response, source) => network.user.onStrayResponse(response, source),
    onServerFailed: (key, cause) => network.user.onServerFailed(key, cause),
  })
  return { stack, network }
}

function received(bytes: Uint8Array): SipMessage {
  const parsed = parseMessage(bytes)
  assert(parsed.ok, 'unreadable')
  return parsed.value
}

function register(index: number): SipRequest {
  const message = received(registerBytes(index))
  assert(message.kind === 'request', 'not a request')
  return message
}

function invite(index: number, leg: number): SipRequest {
  const message = received(inviteBytes(index, leg))
  assert(message.kind === 'request', 'not a request')
  return message
}

function ours(method: string, branch: string, body?: Uint8Array): SipRequest {
  const headers = new Headers()
  if (branch !== '') headers.add('via', `SIP/2.0/UDP 192.0.2.1:5060;rport;branch=${branch}`)
  headers
    .add('max-forwards', '70')
    .add('from', '"Alice" <sip:alice@example.com>;tag=9b8f7a6c5d4e3f21')
    .add('to', `<sip:bob@example.com>${method === 'INVITE' ? '' : ';tag=y'}`)
    .add('call-id', '7f3c9a1e5b2d4c6e8f0a1b2c3d4e5f60')
    .add('cseq', `1 ${method}`)
    .add('contact', '<sip:pbx@192.0.2.1:5060>')
  return request(method, 'sip:bob@192.0.2.45:5060', headers, body)
}

function registerBytes(index: number): Uint8Array {
  return bytesOf('REGISTER', index, 0, 'Expires: 300\r\nAllow: INVITE, ACK, BYE, CANCEL\r\n')
}

const SDP = 'v=0\r\no=- 1 1 IN IP4 192.0.2.45\r\ns=-\r\nc=IN IP4 192.0.2.45\r\nt=0 0\r\n'.repeat(3)

function inviteBytes(index: number, leg: number, more = ''): Uint8Array {
  return bytesOf('INVITE', index, leg, `Content-Type: application/sdp\r\n${more}`, SDP)
}

/** `leg` tells the requests of one call apart; from the third on they are in a dialog. */
function bytesOf(method: string, index: number, leg: number, more: string, body = ''): Uint8Array {
  const acked = method === 'ACK' && leg < 3
  return Buffer.from(
    `${method} sip:pbx.example.com SIP/2.0\r\n` +
      `Via: SIP/2.0/UDP 192.0.2.45:5060;rport=5060;branch=z9hG4bKPj6b2f6f2${index}.${leg}\r\n` +
      `Max-Forwards: 70\r\nFrom: "Alice" <sip:alice@pbx.example.com>;tag=9b8f7a6c5d4e3f21\r\n` +
      `To: <sip:bob@pbx.example.com>${leg > 2 || acked ? ';tag=x' : ''}\r\n` +
      `Call-ID: 7f3c9a1e5b2d4c6e8f0a1b2c3d4e${index}@192.0.2.45\r\nCSeq: ${leg} ${method}\r\n` +
      `Contact: <sip:alice@192.0.2.45:5060;ob>\r\nUser-Agent: Deskphone T46 108.86\r\n${more}` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  )
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const { name, value, unit, ratio } of run())
    console.log(
      `${name.padEnd(46)} ${Math.round(value).toLocaleString('en').padStart(9)} ${unit}` +
        (ratio === undefined ? '' : `  ${ratio.toFixed(2)} of baseline`),
    )
