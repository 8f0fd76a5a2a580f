//! A phone over WebSocket (RFC 7118) as a program of its own, with sound, so that it can run in a
//! namespace. Its connection is made again when it is gone, and the phone registers anew.
//!
//!     node ws-phone.ts URL USER PASSWORD ADDRESS
//!
//! Lines in: `call URI`, `answer`, `hold`, `resume`, `update`, `refer URI`, `attend` (refers the
//! call before to the last one), `send METHOD`, `bye`. Lines out, five a second: its state as JSON.

import { createSocket } from 'node:dgram'
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'
import { parseMessage } from '../../src/sip/message/parse.ts'
import { serialize } from '../../src/sip/message/serialize.ts'
import type { Received, SendFailure } from '../../src/sip/stack/sip-transport.ts'
import type { FlowId, Source, Target } from '../../src/sip/transaction/flow.ts'
import { ScriptedPhone, type PhoneEnd } from './phone.ts'
import type { PhoneCall } from './phone-call.ts'
import { realSurroundings, subscribe } from './real-surroundings.ts'

const DOMAIN = 'pbx.example'
const RTP_PORT = 30_000
const FRAME_MS = 20
const AGAIN_MS = 300
const SAY_MS = 200

/** What it says of itself. */
export type WsPhoneState = {
  /** Status of the last REGISTER. */
  readonly registered: number
  /** Packets of sound that came in. */
  readonly packets: number
  readonly calls: readonly {
    readonly state: string
    readonly direction: string
    /** Of the other side's last description. */
    readonly remote: string
    readonly transfer: readonly number[]
    readonly heard: readonly string[]
  }[]
}

function run([url = '', user = '', password = '', address = '']: readonly string[]): void {
  const transport = url.startsWith('wss') ? 'wss' : 'ws'
  const end = new WebSocketEnd(url, transport, address)
  const server: Target = { transport, host: new URL(url).hostname, port: 1 }
  const phone = new ScriptedPhone({
    world: realSurroundings(),
    endpoint: end,
    server,
    name: user,
    user,
    domain: DOMAIN,
    password,
    transport,
    supported: ['timer'],
    allowsUpdate: true,
  })
  end.opened = () => phone.register(3_600)
  end.open()
  const packets = talk(phone)
  createInterface({ input: process.stdin }).on('line', (line) => obey(phone, line))
  setInterval(() => console.log(JSON.stringify(stateOf(phone, packets()))), SAY_MS)
}

function obey(phone: ScriptedPhone, line: string): void {
  const [verb = '', what = ''] = line.split(' ')
  if (verb === 'call') return void phone.call(what)
  const call = phone.calls.findLast(({ isLive }) => isLive)
  if (call === undefined) return
  const before = phone.calls.findLast((each) => each.isLive && each !== call)
  switch (verb) {
    case 'answer':
      return call.answer()
    case 'hold':
      return void call.offer('INVITE', 'sendonly')
    case 'resume':
      return void call.offer('INVITE', 'sendrecv')
    case 'update':
      return call.send('UPDATE', { headers: [['session-expires', '90;refresher=uac'], ...TIMER] })
    case 'refer':
      return call.refer(`<${what}>`)
    case 'attend':
      return before?.refer(`<${call.target}?Replaces=${encodeURIComponent(call.replaces)}>`)
    case 'send':
      return call.send(what)
    case 'bye':
      return call.bye()
    default:
      throw new Error(`no phone can ${verb}`)
  }
}

const TIMER = [['supported', 'timer']] as const

function stateOf({ status, calls }: ScriptedPhone, packets: number): WsPhoneState {
  const told = (call: PhoneCall): WsPhoneState['calls'][number] => ({
    state: call.state,
    direction: call.direction,
    remote: /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(call.remoteSdp)?.[1] ?? '',
    transfer: call.transfer,
    heard: call.heard,
  })
  return { registered: status, packets, calls: calls.map(told) }
}

/** Sends sound to where the other side wants it, and counts what comes. */
function talk(phone: ScriptedPhone): () => number {
  const socket = createSocket('udp4')
  let heard = 0
  let count = 0
  socket.on('message', () => heard++)
  socket.bind(RTP_PORT, phone.endpoint.address)
  const frame = Buffer.alloc(172, 0xff)
  frame[0] = 0x80
  frame[1] = 0
  frame.writeUInt32BE(0x5eed, 8)
  setInterval(() => {
    const sdp = phone.calls.findLast(({ state }) => state === 'up')?.remoteSdp ?? ''
    const port = Number(/^m=audio (\d+)/m.exec(sdp)?.[1] ?? 0)
    const host = /^c=IN IP4 (\S+)/m.exec(sdp)?.[1]
    if (port === 0 || host === undefined) return
    frame.writeUInt16BE(++count & 0xffff, 2)
    frame.writeUInt32BE((count * 160) >>> 0, 4)
    socket.send(frame, port, host)
  }, FRAME_MS)
  return () => heard
}

class WebSocketEnd implements PhoneEnd {
  readonly address: string
  readonly port = 5060
  readonly #url: string
  readonly #transport: 'ws' | 'wss'
  readonly #received = new Set<(received: Received) => void>()
  readonly #failed = new Set<(failure: SendFailure) => void>()
  readonly #flowClosed = new Set<(flow: FlowId) => void>()
  readonly received: PhoneEnd['received'] = (listener) => subscribe(this.#received, listener)
  readonly failed: PhoneEnd['failed'] = (listener) => subscribe(this.#failed, listener)
  readonly flowClosed: PhoneEnd['flowClosed'] = (listener) => subscribe(this.#flowClosed, listener)
  opened = (): void => undefined
  #socket: WebSocket | undefined
  #count = 0

  constructor(at: string, transport: 'ws' | 'wss', ownAddress: string) {
    this.#url = at
    this.#transport = transport
    this.address = ownAddress
  }

  open(): void {
    const flow = `${this.#transport}#${++this.#count}` as FlowId
    const socket = new WebSocket(this.#url, 'sip', { rejectUnauthorized: false })
    const { hostname } = new URL(this.#url)
    const source: Source = {
      flow,
      transport: this.#transport,
      address: hostname,
      port: 1,
      localAddress: this.address,
      localPort: this.port,
    }
    socket.on('open', () => {
      this.#socket = socket
      this.opened()
    })
    socket.on('message', (data: Buffer) => this.#take(data, source))
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      this.#socket = undefined
      for (const listener of this.#flowClosed) listener(flow)
      setTimeout(() => this.open(), AGAIN_MS)
    })
  }

  localAddress(): ReturnType<PhoneEnd['localAddress']> {
    const { address: own, port } = this
    return { transport: this.#transport, address: own, port }
  }

  send(to: FlowId | Target, message: Parameters<PhoneEnd['send']>[1], bytes?: Uint8Array): void {
    if (this.#socket !== undefined) return this.#socket.send(bytes ?? serialize(message))
    const failure = { target: to, cause: 'not connected', message }
    setTimeout(() => {
      for (const listener of this.#failed) listener(failure)
    })
  }

  #take(data: Buffer, source: Source): void {
    const parsed = parseMessage(data)
    if (!parsed.ok) return
    const received = { source, message: parsed.value, bytes: data }
    for (const listener of this.#received) listener(received)
  }
}

if (import.meta.main) run(process.argv.slice(2))
