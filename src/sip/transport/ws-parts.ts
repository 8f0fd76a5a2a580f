//! How much of a WebSocket stream is half received: RFC 6455 §5.2, heads only. The library puts
//! frames and messages together where we cannot see them; this walks along beside it. Pure.
//!
//!   head (2 to 14 bytes) ──▶ payload ──▶ head …
//!        the end of a control frame gives its own bytes back, that of a message all of them

const FIN = 0x80
const OPCODE = 0x0f
const CONTROL = 0x08
const MASKED = 0x80
const LENGTH = 0x7f
const MASK_BYTES = 4
const HEAD_MIN = 2
const HEAD_MAX = 14

export class WsParts {
  readonly #head = new Uint8Array(HEAD_MAX)
  #headBytes = 0
  /** Of the payload under way; undefined while the head is. */
  #left: number | undefined
  /** Of the frame under way, head included, and of the whole frames before it of this message. */
  #frame = 0
  #message = 0

  /** Bytes of what is not whole yet, once `chunk` is taken in. */
  take(chunk: Uint8Array): number {
    let at = 0
    while (at < chunk.length)
      at += this.#left === undefined ? this.#read(chunk, at) : this.#skip(chunk, at)
    return this.#message + this.#frame
  }

  /** One byte of a head. */
  #read(chunk: Uint8Array, at: number): number {
    this.#head[this.#headBytes++] = chunk[at] ?? 0
    this.#frame++
    if (this.#headBytes >= HEAD_MIN && this.#headBytes === this.#headLength()) this.#begin()
    return 1
  }

  #skip(chunk: Uint8Array, at: number): number {
    const left = this.#left ?? 0
    const taken = Math.min(left, chunk.length - at)
    this.#frame += taken
    this.#left = left - taken
    if (this.#left === 0) this.#end()
    return taken
  }

  #headLength(): number {
    const second = this.#head[1] ?? 0
    const mask = (second & MASKED) === 0 ? 0 : MASK_BYTES
    return HEAD_MIN + lengthBytes(second & LENGTH) + mask
  }

  #begin(): void {
    const short = (this.#head[1] ?? 0) & LENGTH
    const more = lengthBytes(short)
    let length = more === 0 ? short : 0
    for (let index = 0; index < more; index++)
      length = length * 256 + (this.#head[HEAD_MIN + index] ?? 0)
    this.#headBytes = 0
    this.#left = length
    if (length === 0) this.#end()
  }

  #end(): void {
    const first = this.#head[0] ?? 0
    this.#left = undefined
    if ((first & OPCODE) < CONTROL)
      this.#message = (first & FIN) === 0 ? this.#message + this.#frame : 0
    this.#frame = 0
  }
}

function lengthBytes(short: number): number {
  return short === 126 ? 2 : short === 127 ? 8 : 0
}
