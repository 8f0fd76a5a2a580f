//! As much of a phone as a measurement needs: registers, calls, is called, hangs up, and sends
//! sound to wherever it was told last. Over UDP; requests in a dialog go to the server, whoever
//! that is.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { answer, Digest, header, headerLines, methodOf, statusOf, uriIn } from '../load/text.ts'
import { openChannel, type Channel } from './channel.ts'

export const DOMAIN = 'pbx.example'
const SDP_TYPE = 'Content-Type: application/sdp\r\n'
const FRAME = Buffer.concat([Buffer.from([0x80, 0]), Buffer.alloc(10), Buffer.alloc(160, 0xd5)])
const FRAME_MS = 20
const digest = new Digest(DOMAIN, (user) => `pw-${user}`)
let serial = 0

export type Dialog = { readonly bye: () => Promise<void> }

export class Agent {
  readonly #user: number
  readonly #from: string
  readonly #channel: Channel
  readonly #sound: Socket
  readonly #waiting = new Map<string, (text: string) => void>()
  /** By Call-ID: a 2xx that is repeated gets it once more (RFC 3261 §13.2.2.4). */
  readonly #acks = new Map<string, string>()
  #sending: NodeJS.Timeout | undefined
  #sequence = 0
  /** Told of each packet of sound; who does not ask for it sends none either. */
  onSound: (() => void) | undefined

  private constructor(user: number, from: string, channel: Channel, sound: Socket) {
    this.#user = user
    this.#from = from
    this.#channel = channel
    this.#sound = sound
    sound.on('message', () => this.onSound?.())
    sound.on('error', () => {})
  }

  static async open(user: number, server: string, from: string): Promise<Agent> {
    const heard: { by?: Agent } = {}
    const channel = await openChannel('udp', server, from, (text) => heard.by?.take(text))
    const sound = createSocket('udp4')
    sound.bind(0, from)
    await once(sound, 'listening')
    heard.by = new Agent(user, from, channel, sound)
    return heard.by
  }

  async register(): Promise<void> {
    const uri = `sip:${DOMAIN}`
    const more = `Contact: <${this.#contact}>;expires=3600\r\n`
    await this.#proved('REGISTER', uri, `<sip:u${this.#user}@${DOMAIN}>`, more, '')
  }

  /** Rejects when it is not answered with 200. */
  async call(user: number): Promise<Dialog> {
    const uri = `sip:u${user}@${DOMAIN}`
    const more = `Contact: <${this.#contact}>\r\n${SDP_TYPE}`
    const ok = await this.#proved('INVITE', uri, `<${uri}>`, more, this.#sdp)
    this.#hear(ok)
    const target = uriIn(header(ok, 'Contact'))
    const route = headerLines(ok, 'Record-Route').replaceAll('Record-Route', 'Route')
    const [from, to, id] = ['From', 'To', 'Call-ID'].map((name) => header(ok, name))
    const within = { uri: target, from: from ?? '', to: to ?? '', id: id ?? '', more: route }
    const ack = this.#request('ACK', { ...within, cseq: 2 })
    this.#acks.set(within.id, ack)
    this.#channel.send(ack)
    return {
      bye: async () => {
        const bye = { ...within, cseq: 9_000 }
        const said = await this.#asked(this.#request('BYE', bye), `${bye.id} BYE`)
        this.#acks.delete(within.id)
        if (statusOf(said) !== 200) throw new Error(`BYE: ${statusOf(said)}`)
      },
    }
  }

  async #proved(
    method: string,
    uri: string,
    to: string,
    more: string,
    body: string,
  ): Promise<string> {
    const id = `b${process.pid}.${++serial}`
    const head = { uri, from: `<sip:u${this.#user}@${DOMAIN}>;tag=${serial}`, to, id, body }
    const first = this.#request(method, { ...head, more, cseq: 1 })
    const challenge = await this.#asked(first, `${id} ${method}`)
    if (method === 'INVITE') {
      const heard = header(challenge, 'To')
      const branch = /branch=[^;\r]+/.exec(first)?.[0]
      this.#channel.send(this.#request('ACK', { ...head, to: heard, more: '', cseq: 1, branch }))
    }
    const proof = digest.credentials(challenge, this.#user, method, uri)
    const second = this.#request(method, { ...head, more: more + proof, cseq: 2 })
    const said = await this.#asked(second, `${id} ${method}`)
    if (statusOf(said) !== 200) throw new Error(`${method}: ${statusOf(said)}`)
    return said
  }

  /** The final answer. */
  #asked(request: string, key: string): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.set(key, resolve)
      this.#channel.send(request)
    })
  }

  /** A message that has come. */
  take(text: string): void {
    const status = statusOf(text)
    const method = methodOf(text)
    if (status === 0) return this.#serve(text, method)
    if (status < 200) return
    const id = header(text, 'Call-ID') ?? ''
    const key = `${id} ${method}`
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    const ack = waiting === undefined && method === 'INVITE' ? this.#acks.get(id) : undefined
    if (ack !== undefined) this.#channel.send(ack)
    waiting?.(text)
  }

  #serve(text: string, method: string): void {
    if (method === 'ACK') return
    const isOffer = method === 'INVITE'
    if (isOffer && text.includes('m=audio')) this.#hear(text)
    const more = isOffer ? `Contact: <${this.#contact}>\r\n${SDP_TYPE}` : ''
    this.#channel.send(answer(text, '200 OK', more, isOffer ? this.#sdp : ''))
  }

  /** Sends its sound there from now on. */
  #hear(text: string): void {
    const address = /^c=IN IP4 ([\d.]+)/m.exec(text)?.[1]
    const port = Number(/^m=audio (\d+)/m.exec(text)?.[1] ?? 0)
    clearInterval(this.#sending)
    if (this.onSound === undefined || address === undefined || port === 0) return
    this.#sending = setInterval(() => {
      FRAME.writeUInt16BE(++this.#sequence & 0xffff, 2)
      FRAME.writeUInt32BE((this.#sequence * 160) >>> 0, 4)
      FRAME.writeUInt32BE(this.#user, 8)
      this.#sound.send(Buffer.from(FRAME), port, address, () => {})
    }, FRAME_MS)
  }

  get #contact(): string {
    return `sip:u${this.#user}@${this.#from}:${this.#channel.port}`
  }

  get #sdp(): string {
    const { port } = this.#sound.address()
    return [
      'v=0',
      `o=u${this.#user} 1 1 IN IP4 ${this.#from}`,
      's=-',
      `c=IN IP4 ${this.#from}`,
      't=0 0',
      `m=audio ${port} RTP/AVP 8`,
      'a=sendrecv',
      '',
    ].join('\r\n')
  }

  #request(method: string, parts: Parts): string {
    const { uri, from, to, id, more, cseq, body = '' } = parts
    const branch = parts.branch ?? `branch=z9hG4bK${process.pid}x${++serial}`
    return (
      `${method} ${uri} SIP/2.0\r\n` +
      `Via: SIP/2.0/UDP ${this.#from}:${this.#channel.port};${branch}\r\n` +
      `Max-Forwards: 70\r\nFrom: ${from}\r\nTo: ${to}\r\nCall-ID: ${id}\r\n` +
      `CSeq: ${cseq} ${method}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`
    )
  }
}

type Parts = {
  readonly uri: string
  readonly from: string
  readonly to: string
  readonly id: string
  readonly more: string
  readonly cseq: number
  readonly body?: string
  readonly branch?: string | undefined
}
