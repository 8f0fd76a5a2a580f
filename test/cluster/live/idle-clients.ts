//! Clients that say something once over TCP and then nothing: `node idle-clients.ts ADDRESS COUNT`.
//! Told on stdout, a line each: `up` when one was answered, `lost` when its connection has ended;
//! it connects again then, from the same port, until it is answered again. It ends with SIGTERM.

import { connect } from 'node:net'

const [address = '', count = '1'] = process.argv.slice(2)
const HOST = address.includes(':') ? `[${address}]` : address
const AGAIN_MS = 300
const PATIENCE_MS = 2_000
const FIRST_PORT = 20_000

for (let number = 0; number < Number(count); number++) setTimeout(() => begin(number), number)
process.on('SIGTERM', () => process.exit(0))

function begin(number: number): void {
  const socket = connect({ port: 5060, host: address, localPort: FIRST_PORT + number })
  let isUp = false
  socket.setTimeout(PATIENCE_MS, () => {
    if (!isUp) socket.destroy()
  })
  socket.once('connect', () => socket.write(options(number)))
  socket.once('data', () => {
    isUp = true
    say('up')
  })
  // The end says all there is to say.
  socket.on('error', () => {})
  socket.on('close', () => {
    if (isUp) say('lost')
    setTimeout(() => begin(number), AGAIN_MS)
  })
}

function say(what: string): void {
  process.stdout.write(`${what}\n`)
}

function options(number: number): string {
  const id = `i${process.pid}x${number}x${Date.now()}`
  return [
    `OPTIONS sip:${HOST} SIP/2.0`,
    `Via: SIP/2.0/TCP client.invalid;branch=z9hG4bK${id};rport`,
    `From: <sip:idle@pbx.example>;tag=${id}`,
    `To: <sip:pbx.example>`,
    `Call-ID: ${id}`,
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 70',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n')
}
