//! The last SIP messages, for `pbx trace`: one block of memory used as a ring, so its bound holds
//! to the byte and recording makes no garbage. Class: ephemeral.

import { fnv1a } from '../base/fnv.ts'
import type { WallTime } from '../base/time.ts'

export type Recorded<Peer = string> = {
  readonly at: WallTime
  readonly direction: 'in' | 'out'
  /** `udp 192.0.2.7:5060`: the other end, and how it is reached. */
  readonly peer: Peer
  /** As it was on the wire, one character a byte. */
  readonly text: string
}

/** Typical messages are 500 to 900 bytes; smaller ones run out of slots before bytes. */
const BYTES_PER_SLOT = 384
const CALL_ID = /^(?:call-id|i)[ \t]*:[ \t]*(\S+)/im

/** `Peer` is what the other end is known by: kept as it is, for a name is only read by people. */
export class LadderRecorder<Peer = string> {
  readonly #bytes: Buffer
  readonly #capacity: number
  // A slot is an index into all of these: objects would cost more than what they say.
  readonly #starts: Uint32Array
  readonly #lengths: Uint32Array
  readonly #times: Float64Array
  readonly #hashes: Uint32Array
  readonly #incoming: Uint8Array
  readonly #peers: (Peer | undefined)[]
  /** The slots in use: so many from here on, around the end. */
  #first = 0
  #used = 0
  #write = 0

  /** `bytesMax`: of messages; slots come on top, a tenth of it. */
  constructor(bytesMax: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytesMax)
    this.#capacity = Math.ceil(bytesMax / BYTES_PER_SLOT)
    this.#starts = new Uint32Array(this.#capacity)
    this.#lengths = new Uint32Array(this.#capacity)
    this.#times = new Float64Array(this.#capacity)
    this.#hashes = new Uint32Array(this.#capacity)
    this.#incoming = new Uint8Array(this.#capacity)
    this.#peers = Array.from({ length: this.#capacity }, () => undefined)
  }

  get size(): number {
    return this.#used
  }

  record(message: {
    readonly at: WallTime
    readonly direction: 'in' | 'out'
    readonly peer: Peer
    readonly sipCallId: string
    readonly bytes: Uint8Array
  }): void {
    const { bytes } = message
    if (bytes.length > this.#bytes.length) return
    const start = this.#room(bytes.length)
    const slot = (this.#first + this.#used) % this.#capacity
    this.#bytes.set(bytes, start)
    this.#starts[slot] = start
    this.#lengths[slot] = bytes.length
    this.#times[slot] = message.at
    this.#hashes[slot] = fnv1a(message.sipCallId)
    this.#incoming[slot] = message.direction === 'in' ? 1 : 0
    this.#peers[slot] = message.peer
    this.#used++
    this.#write = start + bytes.length
  }

  /** What is still held of these Call-IDs, oldest first. */
  messagesOf(sipCallIds: readonly string[]): readonly Recorded<Peer>[] {
    const wanted = new Map(sipCallIds.map((id) => [fnv1a(id), id]))
    const found: Recorded<Peer>[] = []
    for (let index = 0; index < this.#used; index++) {
      const slot = (this.#first + index) % this.#capacity
      const id = wanted.get(this.#hashes[slot] ?? 0)
      const peer = this.#peers[slot]
      if (id === undefined || peer === undefined) continue
      const start = this.#starts[slot] ?? 0
      const text = this.#bytes.toString('latin1', start, start + (this.#lengths[slot] ?? 0))
      if (!text.includes(id)) continue // another Call-ID of the same hash
      const direction = this.#incoming[slot] === 1 ? 'in' : 'out'
      const at = (this.#times[slot] ?? 0) as WallTime
      found.push({ at, direction, peer, text })
    }
    return found
  }

  /** Call-IDs of the messages that hold `text`; looks through all of them, for a person to read. */
  sipCallIdsWith(text: string): ReadonlySet<string> {
    const found = new Set<string>()
    for (let index = 0; index < this.#used; index++) {
      const slot = (this.#first + index) % this.#capacity
      const start = this.#starts[slot] ?? 0
      const message = this.#bytes.subarray(start, start + (this.#lengths[slot] ?? 0))
      if (!message.includes(text, 0, 'latin1')) continue
      const id = CALL_ID.exec(message.toString('latin1'))?.[1]
      if (id !== undefined) found.add(id)
    }
    return found
  }

  /** Where `length` bytes fit in one piece; forgets the oldest messages that are in the way. */
  #room(length: number): number {
    const wraps = this.#write + length > this.#bytes.length
    const start = wraps ? 0 : this.#write
    if (wraps) this.#forgetWithin(this.#write, this.#bytes.length)
    this.#forgetWithin(start, start + length)
    if (this.#used === this.#capacity) this.#forgetFirst()
    return start
  }

  #forgetWithin(start: number, end: number): void {
    while (this.#used > 0) {
      const oldest = this.#starts[this.#first] ?? 0
      if (oldest >= end || oldest + (this.#lengths[this.#first] ?? 0) <= start) return
      this.#forgetFirst()
    }
  }

  #forgetFirst(): void {
    this.#first = (this.#first + 1) % this.#capacity
    this.#used--
  }
}
