//! The same over TCP, cut anywhere, and over WebSocket, in frames and as raw bytes.

import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Random } from '../../src/base/random.ts'
import { mutant } from '../sip/message/fuzz.ts'
import { noise } from './fuzz-crowd.ts'
import { drawMethod, requestOutside, uriFor } from './fuzz-text.ts'

export type StreamsOptions = {
  readonly random: Random
  readonly domain: string
  readonly sipPort: number
  readonly httpPort: number
}

export type StreamCounts = { messages: number; connections: number; refused: number }

const MESSAGES_A_CONNECTION = 40
const OPEN_MS = 3_000
const PATIENCE_MS = 2_000

/** One connection after the other, until told to stop. */
export async function fuzzStreams(
  options: StreamsOptions,
  stopped: () => boolean,
): Promise<StreamCounts> {
  const counts = { messages: 0, connections: 0, refused: 0 }
  for (let turn = 0; !stopped(); turn++) {
    const kind = [overTcp, overWebSocket, overTcp, overRawWebSocket][turn % 4] ?? overTcp
    try {
      await kind(options, counts, `127.0.2.${1 + (turn % 250)}`)
      counts.connections++
    } catch {
      // Turned away, or closed on us: what garbage deserves.
      counts.refused++
    }
    await sleep(20)
  }
  return counts
}

type Kind = (options: StreamsOptions, counts: StreamCounts, from: string) => Promise<void>

const overTcp: Kind = async (options, counts, from) => {
  const { random, sipPort } = options
  const socket = await opened(connect({ port: sipPort, host: '127.0.0.1', localAddress: from }))
  try {
    for (let count = 0; count < MESSAGES_A_CONNECTION && socket.writable; count++) {
      counts.messages++
      await inPieces(socket, textOrNoise(options, from), random)
    }
    if (random.chance(1, 2)) await settled(socket)
  } finally {
    socket.destroy()
  }
}

/** A good handshake, good frames, bad messages. */
const overWebSocket: Kind = async (options, counts, from) => {
  const url = `ws://127.0.0.1:${options.httpPort}/sip`
  const socket = new WebSocket(url, 'sip', { localAddress: from, handshakeTimeout: OPEN_MS })
  socket.on('error', () => {})
  await once(socket, 'open', { signal: AbortSignal.timeout(OPEN_MS) })
  for (let count = 0; count < MESSAGES_A_CONNECTION; count++) {
    if (socket.readyState !== WebSocket.OPEN) break
    counts.messages++
    socket.send(textOrNoise(options, from), { binary: options.random.chance(1, 2) })
    if (options.random.chance(1, 10)) socket.ping(noise(options.random).subarray(0, 100))
    await breathe()
  }
  if (options.random.chance(1, 2)) socket.close()
  else socket.terminate()
}

/** A good handshake, then bytes that are frames only by accident. */
const overRawWebSocket: Kind = async (options, counts, from) => {
  const { random, httpPort } = options
  const socket = await opened(connect({ port: httpPort, host: '127.0.0.1', localAddress: from }))
  try {
    socket.write(
      'GET /sip HTTP/1.1\r\nHost: pbx\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await Promise.race([once(socket, 'data'), sleep(OPEN_MS)])
    for (let count = 0; count < 10 && socket.writable; count++) {
      counts.messages++
      await inPieces(socket, random.chance(1, 2) ? noise(random) : frameLike(random), random)
    }
  } finally {
    socket.destroy()
  }
}

/** A text or binary frame's head, masked as a client must, around something broken. */
function frameLike(random: Random): Uint8Array {
  const body = mutant(random).subarray(0, 120)
  const head = [random.chance(1, 2) ? 0x81 : random.below(256), 0x80 | body.length, 0, 0, 0, 0]
  return Buffer.concat([Buffer.from(head), body])
}

function textOrNoise({ random, domain }: StreamsOptions, address: string): Uint8Array {
  const draw = random.below(20)
  if (draw === 0) return noise(random)
  if (draw < 9) return mutant(random)
  const sender = { address, port: 5060, user: random.below(100), domain }
  const method = drawMethod(random)
  const shape = { method, uri: uriFor(method, sender, random), proof: '' }
  return Buffer.from(requestOutside(shape, sender, random), 'latin1')
}

async function inPieces(socket: Socket, bytes: Uint8Array, random: Random): Promise<void> {
  for (let at = 0; at < bytes.length && socket.writable;) {
    const end = random.chance(1, 3) ? at + 1 + random.below(40) : bytes.length
    socket.write(bytes.subarray(at, end))
    at = end
    if (random.chance(1, 4)) await breathe()
  }
}

async function opened(socket: Socket): Promise<Socket> {
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'connect', { signal: AbortSignal.timeout(OPEN_MS) })
  return socket
}

/** Sends nothing more and waits a little for the other side to close. */
async function settled(socket: Socket): Promise<void> {
  socket.end()
  await Promise.race([once(socket, 'close'), sleep(PATIENCE_MS)])
}
