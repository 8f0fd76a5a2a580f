//! SIP over TCP: a listener, and connections of our own.

import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Log } from '../../base/host.ts'
import { err, ok, type Result } from '../../base/result.ts'
import type { Millis } from '../../base/time.ts'
import type { Source, Target } from '../transaction/flow.ts'
import { plainAddress } from '../../base/address.ts'
import type { Admitted } from './admission.ts'
import type { Connection, Wire } from './connection.ts'
import type { Pool } from './pool.ts'
import { pump, streamWire, type StreamEvents } from './stream-wire.ts'

export type ListenFailure = {
  readonly code: string
  readonly address: string
  readonly port: number
}

export type Listening = { readonly server: Server; readonly address: string; readonly port: number }

export type StreamNeeds = {
  readonly pool: Pool
  readonly log: Log
  readonly events: StreamEvents
  /** Someone was turned away, and why. */
  readonly onRefused: (address: string, why: string) => void
}

/** TCP's own keep-alive finds peers that vanished; the delay is before its first probe. */
const KEEP_ALIVE_MS = 60_000
const BACKLOG = 1024

export async function listenTcp(
  needs: StreamNeeds,
  address: string,
  port: number,
): Promise<Result<Listening, ListenFailure>> {
  return listenStream(needs, address, port, (socket, admitted) => {
    accept(needs, 'tcp', socket, admitted)
  })
}

/** `onSocket` gets admitted sockets; it owns them and their errors. */
export async function listenStream(
  needs: StreamNeeds,
  address: string,
  port: number,
  onSocket: (socket: Socket, admitted: Admitted) => void,
): Promise<Result<Listening, ListenFailure>> {
  const server = createServer({
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  })
  server.on('connection', (socket) => {
    const source = plainAddress(socket.remoteAddress ?? '')
    const admitted = needs.pool.admission.admit(source)
    if (typeof admitted === 'string') {
      socket.on('error', () => undefined)
      socket.destroy()
      return needs.onRefused(source, admitted)
    }
    return onSocket(socket, admitted)
  })
  const failure = await new Promise<string | undefined>((resolve) => {
    server.once('error', (error) => resolve(codeOf(error)))
    server.listen({ host: address, port, backlog: BACKLOG, ipv6Only: address.includes(':') }, () =>
      resolve(undefined),
    )
  })
  if (failure !== undefined) return err({ code: failure, address, port })
  server.removeAllListeners('error')
  // Out of file descriptors, most likely: those who are connected go on.
  server.on('error', (error) => needs.log('error', 'sip.accept-failed', { code: codeOf(error) }))
  const bound = server.address()
  const taken = typeof bound === 'object' && bound !== null ? bound.port : port
  return ok({ server, address, port: taken })
}

/** Makes a connection of an open socket that came to us. */
export function accept(
  { pool, events }: StreamNeeds,
  transport: 'tcp' | 'tls',
  socket: Socket,
  admitted: Admitted,
): Connection | undefined {
  const ends = endsOf(socket)
  if (ends === undefined) {
    socket.destroy()
    pool.admission.release(admitted)
    return undefined
  }
  const wire = streamWire(socket, () => connection.written())
  const connection = pool.add({ transport, wire, admitted }, { transport, ...ends })
  pump(socket, connection, events)
  return connection
}

export type Dial = {
  readonly target: Target
  /** The address to come from; undefined where the system chooses. */
  readonly from: string | undefined
  readonly patience: Millis
}

export function dialTcp(needs: StreamNeeds, dial: Dial): Connection {
  const { host, port } = dial.target
  const local = dial.from === undefined ? {} : { localAddress: dial.from }
  const socket = connect({ host, port, noDelay: true, ...local })
  return dialled(needs, dial, socket, 'connect')
}

/** A connection for a socket that is still being opened; what is sent on it waits. */
export function dialled(
  { pool, events }: StreamNeeds,
  { target, patience }: Dial,
  socket: Socket,
  ready: 'connect' | 'secureConnect',
): Connection {
  const { transport } = target
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  const wire: Wire = streamWire(socket, () => connection.written())
  const connection = pool.add({ transport, wire, patience })
  pool.name(connection, target)
  socket.once(ready, () => {
    const ends = endsOf(socket)
    if (ends !== undefined) connection.opened({ transport, flow: connection.flow, ...ends })
  })
  pump(socket, connection, events)
  return connection
}

/** Undefined when the socket is closed already. */
function endsOf(socket: Socket): Omit<Source, 'flow' | 'transport'> | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket
  if (remoteAddress === undefined || remotePort === undefined) return undefined
  return {
    address: plainAddress(remoteAddress),
    port: remotePort,
    localAddress: plainAddress(localAddress ?? ''),
    localPort: localPort ?? 0,
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
