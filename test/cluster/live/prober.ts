//! A client that sends OPTIONS to an address all the time, and at the end says when it was
//! answered: `node prober.ts ADDRESS FROM EVERY_MS`. It ends with its standard input.

import { createSocket } from 'node:dgram'

const [address = '', from = '', every = '20'] = process.argv.slice(2)
const isSix = address.includes(':')
const socket = createSocket(isSix ? 'udp6' : 'udp4')
const sentAt = new Map<string, number>()
let sent = 0

socket.on('message', (data) => {
  const branch = /branch=z9hG4bK(\w+)/.exec(data.toString('latin1'))?.[1] ?? ''
  const asked = sentAt.get(branch)
  sentAt.delete(branch)
  // When it was asked, and when it was answered.
  if (asked !== undefined) process.stdout.write(`${asked} ${now()}\n`)
})
// An unreachable host is what is being looked for.
socket.on('error', () => {})
socket.bind(0, from, () => {
  setInterval(() => {
    const id = `p${process.pid}x${++sent}`
    sentAt.set(id, now())
    socket.send(options(id), 5060, address, () => {})
  }, Number(every))
})
process.on('SIGTERM', () => process.exit(0))

function options(id: string): string {
  const { port } = socket.address()
  return [
    'OPTIONS sip:pbx.example SIP/2.0',
    `Via: SIP/2.0/UDP ${isSix ? `[${from}]` : from}:${port};branch=z9hG4bK${id}`,
    `From: <sip:prober@pbx.example>;tag=${id}`,
    'To: <sip:pbx.example>',
    `Call-ID: ${id}`,
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 70',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n')
}

/** Milliseconds since 1970: all probers of a machine have the same clock. */
function now(): number {
  return performance.timeOrigin + performance.now()
}
