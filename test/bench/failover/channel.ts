//! One way to the server: a socket of its own, and whole SIP messages out of it.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { WebSocket } from 'ws'

export type Transport = 'udp' | 'tcp' | 'tls' | 'wss'

export type Channel = {
  /** Of this end, as a Via wants it. */
  readonly port: number
  readonly send: (text: string) => void
  readonly close: () => void
}

/** Rejects when there is no connection. */
export function openChannel(
  transport: Transport,
  server: string,
  from: string,
  onText: (text: string) => void,
): Promise<Channel> {
  switch (transport) {
    case 'udp':
      return openUdp(server, from, onText)
    case 'tcp':
      return openStream(connectTcp(5060, server), 'connect', onText)
    case 'tls':
      return openStream(
        connectTls({ port: 5061, host: server, rejectUnauthorized: false }),
        'secureConnect',
        onText,
      )
    case 'wss':
      return openWebSocket(`wss://${server}:8887/sip`, onText)
  }
}

async function openUdp(
  server: string,
  from: string,
  onText: (text: string) => void,
): Promise<Channel> {
  const socket = createSocket('udp4')
  socket.on('message', (data) => onText(data.toString('latin1')))
  // An unreachable host is what is being looked for.
  socket.on('error', () => {})
  socket.bind(0, from)
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    send: (text) => socket.send(Buffer.from(text, 'latin1'), 5060, server, () => {}),
    close: () => socket.close(),
  }
}

/** Rejects when there is an error first; `opened` is its event. */
export function openStream(
  socket: Socket,
  opened: string,
  onText: (text: string) => void,
): Promise<Channel> {
  let heard = ''
  socket.setNoDelay(true)
  socket.on('data', (piece: Buffer) => {
    heard += piece.toString('latin1')
    for (let end = endOf(heard); end !== undefined; end = endOf(heard)) {
      onText(heard.slice(0, end))
      heard = heard.slice(end)
    }
  })
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.once(opened, () =>
      resolve({
        port: socket.localPort ?? 0,
        send: (text) => void socket.write(text, 'latin1'),
        close: () => socket.destroy(),
      }),
    )
  })
}

function endOf(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return undefined
  const length = Number(/^Content-Length: *(\d+)/im.exec(text.slice(0, head))?.[1] ?? 0)
  return text.length < head + 4 + length ? undefined : head + 4 + length
}

function openWebSocket(url: string, onText: (text: string) => void): Promise<Channel> {
  const socket = new WebSocket(url, 'sip', { rejectUnauthorized: false })
  socket.on('message', (data: Buffer) => onText(data.toString('latin1')))
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.once('open', () =>
      resolve({
        port: 5060,
        send: (text) => socket.send(text),
        close: () => socket.terminate(),
      }),
    )
  })
}
