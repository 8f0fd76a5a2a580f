//! Phones that are registered over connections of their own and say nothing more:
//! `node idle-client.ts SERVER tcp|tls FIRST COUNT ADDRESS,ADDRESS…`. Told on stdout, a line each:
//! `up` or `lost`, the phone's number, and when, in milliseconds since 1970. Who has lost its
//! connection, or gets none, tries again after a pause that doubles.

import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Digest, header, statusOf } from '../load/text.ts'
import { DOMAIN } from './agent.ts'
import { openStream, type Channel } from './channel.ts'

const BEGIN_A_SECOND = 80
/** For a connection, and for an answer over it: 64*T1. Who gives up sooner only asks for more. */
const PATIENCE_MS = 32_000
/** Between half of it and the whole, so that they do not come all at once. */
const PAUSE_MS = 500
const PAUSE_MAX_MS = 8_000

const [server = '', kind = '', first = '0', count = '1', addressList = ''] = process.argv.slice(2)
const addresses = addressList.split(',')
const digest = new Digest(DOMAIN, (user) => `pw-${user}`)

process.on('SIGTERM', () => process.exit(0))
for (let place = 0; place < Number(count); place++)
  setTimeout(() => begin(Number(first) + place, 0), (place * 1_000) / BEGIN_A_SECOND)

function begin(user: number, tries: number): void {
  const socket = open(addresses[user % addresses.length] ?? '')
  let isUp = false
  socket.setTimeout(PATIENCE_MS, () => socket.destroy())
  socket.once('close', () => {
    if (isUp) say('lost', user)
    const pause = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** (isUp ? 0 : tries))
    setTimeout(() => begin(user, isUp ? 0 : tries + 1), (pause * (1 + Math.random())) / 2)
  })
  const registration = new Registration(user, socket, () => {
    isUp = true
    socket.setTimeout(0)
    say('up', user)
  })
  openStream(socket, kind === 'tls' ? 'secureConnect' : 'connect', (text) =>
    registration.take(text),
  ).then(
    (channel) => {
      socket.setTimeout(PATIENCE_MS)
      registration.begin(channel)
    },
    // The socket's end says all there is to say.
    () => undefined,
  )
}

function open(localAddress: string): Socket {
  const to = { host: server, localAddress }
  if (kind !== 'tls') return connectTcp({ ...to, port: 5060 })
  return connectTls({ ...to, port: 5061, rejectUnauthorized: false })
}

function say(what: string, user: number): void {
  const now = Math.round(performance.timeOrigin + performance.now())
  process.stdout.write(`${what} ${user} ${now}\n`)
}

class Registration {
  readonly #user: number
  readonly #socket: Socket
  readonly #done: () => void
  readonly #id: string
  #channel: Channel | undefined
  #cseq = 0

  constructor(user: number, socket: Socket, done: () => void) {
    this.#user = user
    this.#socket = socket
    this.#done = done
    this.#id = `i${user}.${Math.random().toString(36).slice(2)}`
  }

  begin(channel: Channel): void {
    this.#channel = channel
    this.#ask('')
  }

  take(text: string): void {
    const status = statusOf(text)
    if (status < 200) return
    if (status === 200) return this.#done()
    if (status === 401)
      return this.#ask(digest.credentials(text, this.#user, 'REGISTER', `sip:${DOMAIN}`))
    // Overloaded: it says when to come back (RFC 3261 §20.33).
    const after = Number.parseInt(header(text, 'Retry-After'), 10)
    if (status === 503 && after > 0) setTimeout(() => this.#ask(''), after * 1_000)
    else this.#socket.destroy()
  }

  #ask(proof: string): void {
    if (this.#socket.destroyed) return
    const [user, id, cseq] = [this.#user, this.#id, ++this.#cseq]
    const { localAddress = '', localPort = 0 } = this.#socket
    const contact = `<sip:u${user}@${localAddress}:${localPort};transport=${kind}>`
    this.#channel?.send(
      `REGISTER sip:${DOMAIN} SIP/2.0\r\n` +
        `Via: SIP/2.0/${kind.toUpperCase()} ${localAddress}:${localPort};` +
        `branch=z9hG4bK${id}.${cseq};rport\r\n` +
        `Max-Forwards: 70\r\nFrom: <sip:u${user}@${DOMAIN}>;tag=${id}\r\n` +
        `To: <sip:u${user}@${DOMAIN}>\r\nCall-ID: ${id}\r\nCSeq: ${cseq} REGISTER\r\n` +
        `Contact: ${contact};expires=3600\r\n${proof}Content-Length: 0\r\n\r\n`,
    )
  }
}
