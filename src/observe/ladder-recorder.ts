//! The last SIP messages, for `pbx trace`: one block of memory used as a ring, so its bound holds
//! to the byte and recording makes no garbage. Class: ephemeral.

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

type Slot<Peer> = {
  start: number
  length: number
  at: number
  callHash: number
  peer: Peer | undefined
  in: boolean
}

/** `Peer` is what the other end is known by: kept as it is, for a name is only read by people. */
export class LadderRecorder<Peer = string> {
  readonly #bytes: Buffer
  readonly #slots: Slot<Peer>[]
  /** Slots `#first` up to but not including `#next` (both modulo the capacity) are in use. */
  #first = 0
  #used = 0
  #write = 0

  /** `bytesMax`: of messages; slots come on top, about a fifth of it. */
  constructor(bytesMax: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytesMax)
    const empty = (): Slot<Peer> => {
      return { start: 0, length: 0, at: 0, callHash: 0, peer: undefined, in: false }
    }
    this.#slots = Array.from({ length: Math.ceil(bytesMax / BYTES_PER_SLOT) }, empty)
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
    const slot = this.#slots[(this.#first + this.#used) % this.#slots.length]
    if (slot === undefined) return
    this.#bytes.set(bytes, start)
    slot.start = start
    slot.length = bytes.length
    slot.at = message.at
    slot.callHash = hash(message.sipCallId)
    slot.peer = message.peer
    slot.in = message.direction === 'in'
    this.#used++
    this.#write = start + bytes.length
  }

  /** What is still held of these Call-IDs, oldest first. */
  messagesOf(sipCallIds: readonly string[]): readonly Recorded<Peer>[] {
    const wanted = new Map(sipCallIds.map((id) => [hash(id), id]))
    const found: Recorded<Peer>[] = []
    for (let index = 0; index < this.#used; index++) {
      const slot = this.#slots[(this.#first + index) % this.#slots.length]
      const id = slot === undefined ? undefined : wanted.get(slot.callHash)
      if (slot?.peer === undefined || id === undefined) continue
      const text = this.#bytes.toString('latin1', slot.start, slot.start + slot.length)
      if (!text.includes(id)) continue // another Call-ID of the same hash
      const direction = slot.in ? 'in' : 'out'
      found.push({ at: slot.at as WallTime, direction, peer: slot.peer, text })
    }
    return found
  }

  /** Where `length` bytes fit in one piece; forgets the oldest messages that are in the way. */
  #room(length: number): number {
    const wraps = this.#write + length > this.#bytes.length
    const start = wraps ? 0 : this.#write
    if (wraps) this.#forgetWithin(this.#write, this.#bytes.length)
    this.#forgetWithin(start, start + length)
    if (this.#used === this.#slots.length) this.#forgetFirst()
    return start
  }

  #forgetWithin(start: number, end: number): void {
    for (;;) {
      const oldest = this.#slots[this.#first]
      if (this.#used === 0 || oldest === undefined) return
      if (oldest.start >= end || oldest.start + oldest.length <= start) return
      this.#forgetFirst()
    }
  }

  #forgetFirst(): void {
    this.#first = (this.#first + 1) % this.#slots.length
    this.#used--
  }
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++)
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  return value >>> 0
}
