//! Digits out of RFC 4733 named events. An event is many packets with one timestamp; the digit is
//! told once, at the first packet of it that arrives.

const DIGITS = '0123456789*#ABCD'

export class DigitReader {
  #timestamp: number | undefined
  #event = -1

  /** The digit when this packet begins one; `start` and `end` bound the payload. */
  read(bytes: Uint8Array, start: number, end: number, timestamp: number): string | undefined {
    if (end - start < 4) return undefined
    const event = bytes[start] ?? 0
    if (timestamp === this.#timestamp && event === this.#event) return undefined
    if (this.#isOlder(timestamp)) return undefined
    this.#timestamp = timestamp
    this.#event = event
    return DIGITS[event]
  }

  /** A late packet of an event that is over (RFC 4733 §2.5.1.4 sends the end three times). */
  #isOlder(timestamp: number): boolean {
    if (this.#timestamp === undefined) return false
    const behind = (this.#timestamp - timestamp) >>> 0
    return behind > 0 && behind < 80_000
  }
}
