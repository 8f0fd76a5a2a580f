//! Packets for the calls that are to have sound: one socket for all callers, one for all callees;
//! the product's ports tell the legs apart.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { ADDRESS } from './call.ts'

const FRAME_MS = 20
const HEADER = 12
const FRAME = 160
/** Still under way when the call ends, on a machine that is busy with other things. */
const LATE_PACKETS = 25

type Leg = { readonly to: number; readonly ssrc: number; sent: number; received: number }
type Stream = { readonly serial: number; caller: Leg | undefined; callee: Leg | undefined }
export type End = 'caller' | 'callee'

export class Sound {
  readonly #sockets: Readonly<Record<End, Socket>>
  readonly #timer: NodeJS.Timeout
  readonly #streams = new Map<number, Stream>()
  readonly #byPort = new Map<number, Leg>()
  readonly #packet = Buffer.alloc(HEADER + FRAME, 0xff)
  #packets = 0

  private constructor(caller: Socket, callee: Socket) {
    this.#sockets = { caller, callee }
    const take = (_: Buffer, from: { port: number }): void => {
      const leg = this.#byPort.get(from.port)
      if (leg !== undefined) leg.received++
      this.#packets++
    }
    caller.on('message', take)
    callee.on('message', take)
    this.#timer = setInterval(() => this.#tick(), FRAME_MS)
  }

  static async open(): Promise<Sound> {
    return new Sound(await bound(), await bound())
  }

  get packets(): number {
    return this.#packets
  }

  port(end: End): number {
    return this.#sockets[end].address().port
  }

  /** That end's packets go to this port of the product from now on. */
  start(serial: number, end: End, to: number): void {
    const stream = this.#streams.get(serial) ?? { serial, caller: undefined, callee: undefined }
    this.#streams.set(serial, stream)
    const leg = { to, ssrc: 2 * serial + (end === 'caller' ? 0 : 1), sent: 0, received: 0 }
    stream[end] = leg
    this.#byPort.set(to, leg)
  }

  /** What is wrong with what was heard, and the figures; undefined when nothing is. */
  stop(serial: number): { readonly fault: string; readonly detail: string } | undefined {
    const stream = this.#streams.get(serial)
    if (stream === undefined) return undefined
    this.#streams.delete(serial)
    const { caller, callee } = stream
    for (const leg of [caller, callee])
      if (leg !== undefined && this.#byPort.get(leg.to) === leg) this.#byPort.delete(leg.to)
    if (caller === undefined || callee === undefined)
      return { fault: 'a leg without media', detail: '' }
    const detail =
      `caller heard ${caller.received} of ${callee.sent} through port ${caller.to}, ` +
      `callee ${callee.received} of ${caller.sent} through ${callee.to}`
    const isDeaf = (hears: Leg, speaks: Leg): boolean =>
      hears.received < 0.8 * speaks.sent - LATE_PACKETS
    if (isDeaf(caller, callee)) return { fault: 'the caller lost sound', detail }
    return isDeaf(callee, caller) ? { fault: 'the callee lost sound', detail } : undefined
  }

  close(): void {
    clearInterval(this.#timer)
    this.#sockets.caller.close()
    this.#sockets.callee.close()
  }

  #tick(): void {
    for (const { caller, callee } of this.#streams.values()) {
      // Both have to be known, or the first packets of one have nowhere to go.
      if (caller === undefined || callee === undefined) continue
      this.#send(caller, this.#sockets.caller)
      this.#send(callee, this.#sockets.callee)
    }
  }

  #send(leg: Leg, socket: Socket): void {
    const packet = Buffer.from(this.#packet)
    packet[0] = 0x80
    packet[1] = 0
    packet.writeUInt16BE(leg.sent & 0xffff, 2)
    packet.writeUInt32BE((leg.sent * FRAME) >>> 0, 4)
    packet.writeUInt32BE(leg.ssrc >>> 0, 8)
    leg.sent++
    socket.send(packet, leg.to, ADDRESS)
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 })
  socket.bind(0, ADDRESS)
  await once(socket, 'listening')
  return socket
}
