//! One connection to a peer, proved by its certificate: frames in both directions, and a ping when
//! there is nothing to say. One that is silent for long is closed: a cable may have been pulled.

import type { TLSSocket } from 'node:tls'
import type { Cancel, Host } from '../base/host.ts'
import { after, millis, type Millis } from '../base/time.ts'
import type { NodeId } from '../control/ids.ts'
import { isServerId } from '../store/schema/server.ts'
import { keyHash } from '../x509/issue.ts'
import { FRAME_MAX, FrameReader, headOf, type Channel, type Frame } from './frames.ts'
import { Quota } from './quota.ts'

const PING_EVERY = millis(1_000)
const SILENCE_MAX = millis(3_500)
/** Unsent. Beyond it messages are left out whose sender says again what matters; others end it. */
const UNSENT_MAX = 32 << 20
/** Of a server: tens of thousands of media sessions, by name. */
const SERVER_FRAME_MAX = 4 << 20
const LEFT_OUT: ReadonlySet<Channel> = new Set(['raft', 'flows', 'files'])

/** Why nothing of it is read: it has said too much, or what it said is not worked off. */
type Hold = 'quota' | 'reader'

export type ConnectionEvents = {
  /** That are connected, and share what may be said. */
  readonly servers: number
  readonly onFrame: (connection: PeerConnection, frame: Frame) => void
  readonly onClosed: (connection: PeerConnection, why: string) => void
}

export class PeerConnection {
  readonly peer: NodeId
  /** SHA-256 of its public key, in hex. */
  readonly key: string | undefined
  readonly since: Millis
  readonly #socket: TLSSocket
  readonly #host: Host
  readonly #events: ConnectionEvents
  readonly #reader: FrameReader
  readonly #quota: Quota | undefined
  #heardAt
  #why = 'closed by the peer'
  #unwatch: Cancel | undefined
  #unwait: Cancel | undefined
  readonly #holds = new Set<Hold>()
  /** Messages that were left out. */
  dropped = 0

  constructor(peer: NodeId, socket: TLSSocket, host: Host, events: ConnectionEvents) {
    this.peer = peer
    this.key = keyOf(socket)
    this.#quota = isServerId(peer) ? new Quota(() => events.servers) : undefined
    this.#reader = new FrameReader(isServerId(peer) ? SERVER_FRAME_MAX : FRAME_MAX)
    this.#socket = socket
    this.#host = host
    this.#events = events
    this.since = host.now()
    this.#heardAt = this.since
    socket.setNoDelay(true)
    socket.on('data', (piece: Buffer) => this.#read(piece))
    socket.on('error', (error) => (this.#why = error.message))
    socket.on('close', () => {
      this.#unwatch?.()
      this.#unwait?.()
      events.onClosed(this, this.#why)
    })
    this.#watch()
  }

  /** False when it was left out: too much waits already. */
  send(channel: Channel, data: Uint8Array): boolean {
    if (this.#socket.writableLength > UNSENT_MAX) {
      if (LEFT_OUT.has(channel)) this.dropped++
      else this.close('it does not read what it is sent')
      return false
    }
    this.#socket.cork()
    this.#socket.write(headOf(channel, data.length))
    if (data.length > 0) this.#socket.write(data)
    this.#socket.uncork()
    return true
  }

  /** Nothing more is read until `release`: what it says waits with it, as TCP has it. */
  hold(why: Hold): void {
    this.#holds.add(why)
    this.#socket.pause()
  }

  release(why: Hold): void {
    if (!this.#holds.delete(why) || this.#holds.size > 0) return
    this.#heardAt = this.#host.now()
    this.#socket.resume()
  }

  close(why: string): void {
    this.#why = why
    this.#socket.destroy()
  }

  #read(piece: Uint8Array): void {
    this.#heardAt = this.#host.now()
    const frames = this.#reader.read(piece)
    if (frames === undefined) return this.close('it does not speak in frames')
    this.#pace(frames.length, piece.length)
    for (const frame of frames) if (frame.channel !== 'ping') this.#events.onFrame(this, frame)
  }

  #pace(frames: number, bytes: number): void {
    const wait = this.#quota?.take(Math.max(1, frames), bytes, this.#heardAt) ?? 0
    if (wait === 0) return
    this.hold('quota')
    this.#unwait = this.#host.wake(after(this.#heardAt, millis(wait)), () => this.release('quota'))
  }

  #watch(): void {
    this.#unwatch = this.#host.wake(after(this.#host.now(), PING_EVERY), () => {
      const isHeld = this.#holds.size > 0
      if (!isHeld && this.#host.now() - this.#heardAt > SILENCE_MAX)
        return this.close('silent for too long')
      this.send('ping', NOTHING)
      this.#watch()
    })
  }
}

const NOTHING = new Uint8Array(0)

/** SHA-256 of the other end's public key, in hex. */
export function keyOf(socket: TLSSocket): string | undefined {
  const key = socket.getPeerX509Certificate()?.publicKey
  return key === undefined ? undefined : keyHash(key)
}
