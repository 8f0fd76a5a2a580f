//! A TCP or TLS socket under a connection: framing, keep-alives, writes.

import type { Socket } from 'node:net'
import type { Connection, Wire } from './connection.ts'
import { StreamFramer, type Framed } from './framing.ts'

const PING = Buffer.from('\r\n\r\n')
const PONG = Buffer.from('\r\n')

export type BrokenFrame = Extract<Framed, { kind: 'broken' }>
export type StreamEvents = {
  /** A whole message or ping came: whoever sent it speaks SIP. */
  onIntroduced(connection: Connection): void
  /** The stream cannot be read on; the connection is closed by whoever hears this. */
  onBroken(connection: Connection, broken: BrokenFrame): void
}

/** The callback of writes, one for all: they are done in order. Node gives null for no failure. */
export function whenTaken(written: () => void): (failure?: Error | null) => void {
  return (failure) => {
    if (failure === undefined || failure === null) written()
  }
}

export function streamWire(socket: Socket, written: () => void): Wire {
  const done = whenTaken(written)
  return {
    write: (bytes) => void socket.write(bytes, done),
    get queued() {
      return socket.writableLength
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}

/**
 * Has what the socket brings go to its connection. Whoever dialled sends the pings (RFC 5626
 * §3.5.1); a peer that knows nothing of them passes over the line ends (RFC 3261 §7.5).
 */
export function pump(socket: Socket, connection: Connection, events: StreamEvents): void {
  const framer = new StreamFramer()
  let cause = 'closed by the peer'
  if (connection.dialled) {
    const send = (): void => {
      framer.expectPong()
      connection.sendBare(PING)
    }
    connection.keepAlive({ send, mustAnswer: false })
  }
  socket.on('data', (chunk: Buffer) => {
    connection.heard()
    for (const framed of framer.push(chunk)) {
      if (!connection.usable) return
      deliver(framed, connection, events)
    }
    connection.holds(framer.unfinished)
  })
  socket.on('error', (failure) => {
    cause = 'code' in failure && typeof failure.code === 'string' ? failure.code : failure.message
  })
  socket.on('close', () => connection.closed(cause))
}

function deliver(framed: Framed, connection: Connection, events: StreamEvents): void {
  switch (framed.kind) {
    case 'message':
      events.onIntroduced(connection)
      return connection.onMessage(framed.bytes)
    case 'ping':
      events.onIntroduced(connection)
      return connection.sendBare(PONG)
    case 'pong':
      return connection.ponged()
    case 'broken':
      return events.onBroken(connection, framed)
    default:
      return framed satisfies never
  }
}
