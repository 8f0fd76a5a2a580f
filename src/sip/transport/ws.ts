//! SIP over WebSocket (RFC 7118). The HTTP server hands over upgrades; from then on a browser is a
//! connection like any other, one message a frame.

import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { Socket } from 'node:net'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { MAX_STREAM_MESSAGE } from '../message/limits.ts'
import type { Source } from '../transaction/flow.ts'
import { plainAddress } from '../../base/address.ts'
import type { Admitted } from './admission.ts'
import type { Connection, Wire } from './connection.ts'
import { whenTaken } from './stream-wire.ts'
import type { StreamNeeds } from './tcp.ts'
import { WsParts } from './ws-parts.ts'

/** `head` is what the client sent behind its request already; `secure`: it came over TLS. */
export type HandleUpgrade = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  secure: boolean,
) => void

const PATH = '/sip'
const SUBPROTOCOL = 'sip'
const PONG = Buffer.from('\r\n')
const CR = 0x0d
const LF = 0x0a
/** RFC 6455 §7.4.1: going away. */
const GOING_AWAY = 1001

export class WsSip {
  readonly #needs: StreamNeeds
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_STREAM_MESSAGE,
    handleProtocols: () => SUBPROTOCOL,
  })

  #draining = false

  constructor(needs: StreamNeeds) {
    this.#needs = needs
  }

  /** Lets nobody new in. */
  drain(): void {
    this.#draining = true
  }

  readonly handleUpgrade: HandleUpgrade = (request, socket, head, secure) => {
    if (this.#draining) return refuse(socket, 503, 'shutting down')
    const refusal = refusalOf(request)
    if (refusal !== undefined) return refuse(socket, ...refusal)
    const source = sourceOf(socket, secure)
    if (source === undefined) return void socket.destroy()
    const { admission } = this.#needs.pool
    const admitted = admission.admit(source.address)
    if (typeof admitted === 'string') {
      this.#needs.onRefused(source.address, admitted)
      return refuse(socket, 503, admitted)
    }
    const lost = (): void => admission.release(admitted)
    socket.once('close', lost)
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('close', lost)
      this.#accept(webSocket, socket, source, admitted)
    })
  }

  #accept(
    webSocket: WebSocket,
    socket: Duplex,
    source: Omit<Source, 'flow'>,
    admitted: Admitted,
  ): void {
    const { pool, events } = this.#needs
    const wire = wsWire(webSocket, () => connection.written())
    const { transport } = source
    const connection: Connection = pool.add({ transport, wire, admitted }, source)
    let cause = 'closed by the peer'
    const parts = new WsParts()
    socket.on('data', (chunk: Buffer) => connection.holds(parts.take(chunk)))
    webSocket.on('message', (data) => {
      connection.heard()
      const bytes = bytesOf(data)
      if (!connection.usable) return
      if (isKeepAlive(bytes)) {
        events.onIntroduced(connection)
        if (bytes.length > 2) connection.sendBare(PONG)
        return
      }
      events.onIntroduced(connection)
      connection.onMessage(bytes)
    })
    connection.keepAlive({ send: () => webSocket.ping(), mustAnswer: true })
    webSocket.on('pong', () => connection.ponged())
    webSocket.on('error', (failure) => {
      cause = failure.message
    })
    webSocket.on('close', () => connection.closed(cause))
  }
}

function refusalOf(request: IncomingMessage): readonly [status: number, why: string] | undefined {
  const [path] = (request.url ?? '').split('?')
  if (path !== PATH) return [404, `SIP over WebSocket is at ${PATH}`]
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',')
  if (offered.some((each) => each.trim().toLowerCase() === SUBPROTOCOL)) return undefined
  return [400, 'the WebSocket subprotocol must be "sip" (RFC 7118)']
}

function refuse(socket: Duplex, status: number, why: string): void {
  const phrase = status === 400 ? 'Bad Request' : status === 404 ? 'Not Found' : 'Unavailable'
  const body = `${why}\n`
  socket.on('error', () => undefined)
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  )
}

function sourceOf(socket: Duplex, secure: boolean): Omit<Source, 'flow'> | undefined {
  if (!(socket instanceof Socket)) return undefined
  const { remoteAddress, remotePort, localAddress, localPort } = socket
  if (remoteAddress === undefined || remotePort === undefined) return undefined
  return {
    transport: secure ? 'wss' : 'ws',
    address: plainAddress(remoteAddress),
    port: remotePort,
    localAddress: plainAddress(localAddress ?? ''),
    localPort: localPort ?? 0,
  }
}

function wsWire(webSocket: WebSocket, written: () => void): Wire {
  const done = whenTaken(written)
  return {
    // Browsers' stacks want text; what is no UTF-8 cannot go as text (RFC 7118 §4.2).
    write: (bytes) => webSocket.send(bytes, { binary: !isUtf8(bytes) }, done),
    get queued() {
      return webSocket.bufferedAmount
    },
    end: () => webSocket.close(GOING_AWAY),
    destroy: () => webSocket.terminate(),
  }
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}

/** Some stacks send their line ends of RFC 5626 in frames. */
function isKeepAlive(bytes: Uint8Array): boolean {
  return bytes.length <= 4 && bytes.every((byte) => byte === CR || byte === LF)
}
