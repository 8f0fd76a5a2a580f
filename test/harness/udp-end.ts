//! A phone's UDP socket, with the server as its outbound proxy: all that it says goes there.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { parseMessage } from '../../src/sip/message/parse.ts'
import { serialize } from '../../src/sip/message/serialize.ts'
import type { Received, SendFailure } from '../../src/sip/stack/sip-transport.ts'
import type { FlowId, Target } from '../../src/sip/transaction/flow.ts'
import type { PhoneEnd } from './phone.ts'
import { subscribe } from './real-surroundings.ts'

export class UdpEnd implements PhoneEnd {
  readonly address: string
  readonly port: number
  readonly #server: Target
  readonly #socket: Socket
  readonly #received = new Set<(received: Received) => void>()
  readonly #failed = new Set<(failure: SendFailure) => void>()
  readonly received: PhoneEnd['received'] = (listener) => subscribe(this.#received, listener)
  /** Nobody hears of it: who is not reached is asked again, until the transaction's time is up. */
  readonly failed: PhoneEnd['failed'] = (listener) => subscribe(this.#failed, listener)
  readonly flowClosed: PhoneEnd['flowClosed'] = () => () => undefined

  private constructor(socket: Socket, server: Target) {
    const { address, port } = socket.address()
    this.address = address
    this.port = port
    this.#server = server
    this.#socket = socket
    socket.on('message', (data, from) => this.#take(data, from.address, from.port))
    // An unreachable host is what is being looked for.
    socket.on('error', () => undefined)
  }

  static async open(address: string, server: Target): Promise<UdpEnd> {
    const socket = createSocket('udp4')
    socket.bind(0, address)
    await once(socket, 'listening')
    return new UdpEnd(socket, server)
  }

  localAddress(): ReturnType<PhoneEnd['localAddress']> {
    return { transport: 'udp', address: this.address, port: this.port }
  }

  send(_to: FlowId | Target, message: Parameters<PhoneEnd['send']>[1], bytes?: Uint8Array): void {
    const { host, port } = this.#server
    this.#socket.send(bytes ?? serialize(message), port, host, () => undefined)
  }

  #take(bytes: Buffer, address: string, port: number): void {
    const parsed = parseMessage(bytes)
    if (!parsed.ok) return
    const [localAddress, localPort] = [this.address, this.port]
    const flow = `udp:${address}:${port}` as FlowId
    const source = { flow, transport: 'udp', address, port, localAddress, localPort } as const
    for (const listener of this.#received) listener({ source, message: parsed.value, bytes })
  }
}
