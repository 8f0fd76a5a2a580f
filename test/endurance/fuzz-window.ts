//! Lets so much through as comes out at the other end: OPTIONS from a clean address, answered after
//! all that was sent before it.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

type Server = { readonly address: string; readonly port: number }

const ADDRESS = '127.0.3.1'
const LOST_MS = 400
/** Well below what overload control takes for a standing queue. */
const PROMPT_MS = 25
const UNDER_WAY_MAX = 8

export class Window {
  readonly #socket: Socket
  readonly #server: Server
  readonly #domain: string
  /** Pings under way at most: fewer when they come back late. */
  #most = 2
  readonly #open = new Map<string, number>()
  #waiting: (() => void) | undefined
  #serial = 0
  #lost = 0
  readonly #timer: NodeJS.Timeout

  private constructor(socket: Socket, server: Server, domain: string) {
    this.#socket = socket
    this.#server = server
    this.#domain = domain
    socket.on('message', (bytes) => this.#heard(bytes.toString('latin1')))
    this.#timer = setInterval(() => this.#giveUp(), 50)
  }

  static async open(server: Server, domain: string): Promise<Window> {
    const socket = createSocket('udp4')
    socket.bind(0, ADDRESS)
    await once(socket, 'listening')
    return new Window(socket, server, domain)
  }

  get sent(): number {
    return this.#serial
  }
  /** No answer in time: dropped, or the product was too slow. */
  get lost(): number {
    return this.#lost
  }

  /** Sends a ping; resolves when not too many are under way. */
  async pass(): Promise<void> {
    this.#ping()
    if (this.#open.size < this.#most) return setImmediatePromise()
    await new Promise<void>((resolve) => (this.#waiting = resolve))
  }

  close(): void {
    clearInterval(this.#timer)
    this.#socket.close()
  }

  #ping(): void {
    const id = `${++this.#serial}.ping`
    const { port } = this.#socket.address()
    const text =
      `OPTIONS sip:${this.#domain} SIP/2.0\r\n` +
      `Via: SIP/2.0/UDP ${ADDRESS}:${port};branch=z9hG4bKp${this.#serial};rport\r\n` +
      `Max-Forwards: 70\r\nFrom: <sip:ping@${this.#domain}>;tag=p\r\n` +
      `To: <sip:${this.#domain}>\r\nCall-ID: ${id}\r\nCSeq: 1 OPTIONS\r\n` +
      'Content-Length: 0\r\n\r\n'
    this.#open.set(id, performance.now())
    this.#socket.send(text, this.#server.port, this.#server.address)
  }

  #heard(text: string): void {
    const id = /\r\nCall-ID: (\S+)/.exec(text)?.[1] ?? ''
    const sentAt = this.#open.get(id)
    if (sentAt !== undefined) {
      const isPrompt = performance.now() - sentAt < PROMPT_MS
      this.#most = isPrompt
        ? Math.min(this.#most + 0.05, UNDER_WAY_MAX)
        : Math.max(1, this.#most * 0.8)
    }
    this.#open.delete(id)
    this.#go()
  }

  #giveUp(): void {
    const long = performance.now() - LOST_MS
    for (const [id, at] of this.#open) {
      if (at > long) break
      this.#open.delete(id)
      this.#lost++
    }
    this.#go()
  }

  #go(): void {
    if (this.#open.size >= this.#most) return
    const go = this.#waiting
    this.#waiting = undefined
    go?.()
  }
}

function setImmediatePromise(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
