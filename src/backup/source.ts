//! Bytes that come in pieces, taken by the line or by number.

const LINE_END = 0x0a

export class Source {
  readonly #pieces: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** With its line end. Undefined when there is none within `most` bytes. */
  async line(most: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const at = this.#rest.indexOf(LINE_END)
      if (at >= 0 && at < most) return this.#take(at + 1)
      if (this.#rest.length >= most || !(await this.#fill())) return undefined
    }
  }

  /** So many, or fewer at the end. */
  async exactly(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count) if (!(await this.#fill())) break
    return this.#take(Math.min(count, this.#rest.length))
  }

  /** As they come, at most so many; none at the end. */
  async some(most: number): Promise<Uint8Array> {
    if (this.#rest.length === 0) await this.#fill()
    return this.#take(Math.min(most, this.#rest.length))
  }

  /** All that has not been taken. */
  async *left(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const piece = await this.some(Number.MAX_SAFE_INTEGER)
      if (piece.length === 0) return
      yield piece
    }
  }

  #take(count: number): Uint8Array {
    const taken = this.#rest.subarray(0, count)
    this.#rest = this.#rest.subarray(count)
    return taken
  }

  async #fill(): Promise<boolean> {
    const { value, done = false } = await this.#pieces.next()
    if (done) return false
    const piece: Uint8Array = value
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    return true
  }
}
