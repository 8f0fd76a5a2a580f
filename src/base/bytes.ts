//! Numbers, texts and bytes one after the other, and back. Reading is total: what is not there, or
//! too much, makes the reader fail, and nothing is thrown.

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export class ByteWriter {
  #bytes: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
  }

  /** An integer from 0 to 2^53 - 1, in seven bits a byte, the least first. */
  number(value: number): this {
    let left = value
    this.#room(8)
    while (left >= 0x80) {
      this.#bytes[this.#length++] = (left % 0x80) | 0x80
      left = Math.floor(left / 0x80)
    }
    this.#bytes[this.#length++] = left
    return this
  }

  bytes(value: Uint8Array): this {
    this.number(value.length)
    this.#room(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
    return this
  }

  text(value: string): this {
    return this.bytes(encoder.encode(value))
  }

  /** What has been written; nothing may be written after that. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(wanted: number): void {
    const needed = this.#length + wanted
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0
  #failed = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Everything has been read, and it was all there. */
  get isThrough(): boolean {
    return !this.#failed && this.#at === this.#bytes.length
  }

  /** Once it has failed, all it reads is 0, '' and nothing. */
  get hasFailed(): boolean {
    return this.#failed
  }

  fail(): void {
    this.#failed = true
  }

  number(): number {
    let value = 0
    for (let factor = 1; !this.#failed; factor *= 0x80) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * factor
      if (!Number.isSafeInteger(value)) break
      if (byte < 0x80) return value
    }
    this.#failed = true
    return 0
  }

  /** A view of what is read. */
  bytes(): Uint8Array {
    const length = this.number()
    const end = this.#at + length
    if (this.#failed || end > this.#bytes.length) {
      this.#failed = true
      return NOTHING
    }
    const value = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return value
  }

  text(): string {
    const value = this.bytes()
    try {
      return decoder.decode(value)
    } catch {
      // Not UTF-8: total on bytes means that this is an outcome.
      this.#failed = true
      return ''
    }
  }

  /** As many as the number that comes first says, and no more than there are bytes for. */
  list<T>(read: () => T): readonly T[] {
    const count = this.number()
    const values: T[] = []
    while (values.length < count && !this.#failed) values.push(read())
    return values
  }
}

const NOTHING = new Uint8Array(0)
