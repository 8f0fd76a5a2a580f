//! Frames on a stream: four bytes of length, one that names the channel, and what is sent. Pure.

/** Of the length and the channel. */
const HEAD = 5
/** A snapshot's chunk and a batch of entries fit well; more is somebody else's protocol. */
export const FRAME_MAX = 16 << 20
/** More are put together: a stream that comes byte by byte must not cost a buffer each. */
const PIECES_MAX = 1_024

/** Their places are what is sent: new ones go to the end. */
const CHANNELS = [
  'ping',
  'raft',
  'rpc',
  'flows',
  'fitness',
  'files',
  'schema',
  'farewell',
  'clock',
  'leaving',
  'settings',
  'lags',
] as const
export type Channel = (typeof CHANNELS)[number]

export type Frame = { readonly channel: Channel; readonly data: Uint8Array }

/** What goes before the data. */
export function headOf(channel: Channel, length: number): Uint8Array {
  const head = new Uint8Array(HEAD)
  new DataView(head.buffer).setUint32(0, length)
  head[4] = CHANNELS.indexOf(channel)
  return head
}

/** Puts frames together from whatever pieces a stream comes in. */
export class FrameReader {
  #pieces: Uint8Array[] = []
  #length = 0
  #wanted = HEAD
  #head: { readonly channel: Channel | undefined } | undefined
  readonly #max: number

  /** `max`: bytes of one frame. */
  constructor(max = FRAME_MAX) {
    this.#max = max
  }

  /** Undefined when it is no stream of frames; then nothing more may be read. */
  read(piece: Uint8Array): readonly Frame[] | undefined {
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#pieces.length > PIECES_MAX) this.#join()
    const frames: Frame[] = []
    while (this.#length >= this.#wanted) {
      const part = this.#take(this.#wanted)
      if (this.#head === undefined) {
        if (!this.#begin(part)) return undefined
      } else {
        const { channel } = this.#head
        // One that a later release has: this one goes on without what is said there.
        if (channel !== undefined) frames.push({ channel, data: part })
        this.#head = undefined
        this.#wanted = HEAD
      }
    }
    return frames
  }

  #begin(head: Uint8Array): boolean {
    const length = new DataView(head.buffer, head.byteOffset, HEAD).getUint32(0)
    this.#head = { channel: CHANNELS[head[4] ?? CHANNELS.length] }
    this.#wanted = length
    return length <= this.#max
  }

  #join(): void {
    const all = this.#take(this.#length)
    this.#pieces = [all]
    this.#length = all.length
  }

  #take(length: number): Uint8Array {
    this.#length -= length
    const [first] = this.#pieces
    if (first !== undefined && first.length >= length) {
      if (first.length === length) this.#pieces.shift()
      else this.#pieces[0] = first.subarray(length)
      return first.subarray(0, length)
    }
    const whole = new Uint8Array(length)
    for (let at = 0; at < length;) {
      const piece = this.#pieces.shift()
      if (piece === undefined) break
      const part = piece.subarray(0, length - at)
      whole.set(part, at)
      at += part.length
      if (part.length < piece.length) this.#pieces.unshift(piece.subarray(part.length))
    }
    return whole
  }
}
