//! SipHash-2-4 (Aumasson and Bernstein, 2012): 64 bits that nobody finds without the key, for
//! messages of a few words. A call into OpenSSL costs several times as much. Pure.

/** The four 64-bit words of the state, each a low and a high half. */
const WORDS = 8

export class SipHash {
  readonly #key: Int32Array
  readonly #state = new Int32Array(WORDS)
  /** Of the last `update`. */
  low = 0
  high = 0

  /** A key of 16 bytes. */
  constructor(key: Uint8Array) {
    this.#key = new Int32Array(4)
    for (let word = 0; word < 4; word++) this.#key[word] = wordAt(key, word * 4)
  }

  /** Puts the hash of the first `length` bytes into `low` and `high`. */
  update(message: Uint8Array, length: number): void {
    const state = this.#state
    const k0 = this.#key[0] ?? 0
    const k1 = this.#key[1] ?? 0
    const k2 = this.#key[2] ?? 0
    const k3 = this.#key[3] ?? 0
    // "somepseudorandomlygeneratedbytes"
    state[0] = k0 ^ 0x70736575
    state[1] = k1 ^ 0x736f6d65
    state[2] = k2 ^ 0x6e646f6d
    state[3] = k3 ^ 0x646f7261
    state[4] = k0 ^ 0x6e657261
    state[5] = k1 ^ 0x6c796765
    state[6] = k2 ^ 0x79746573
    state[7] = k3 ^ 0x74656462
    const whole = length & ~7
    for (let at = 0; at < whole; at += 8) this.#absorb(wordAt(message, at), wordAt(message, at + 4))
    let low = 0
    let high = length << 24
    for (let at = whole; at < length; at++) {
      const shift = ((at - whole) & 3) * 8
      if (at - whole < 4) low |= byteAt(message, at) << shift
      else high |= byteAt(message, at) << shift
    }
    this.#absorb(low, high)
    state[4] = (state[4] ?? 0) ^ 0xff
    rounds(state, 4)
    this.low = fold(state, 0)
    this.high = fold(state, 1)
  }

  #absorb(low: number, high: number): void {
    const state = this.#state
    state[6] = (state[6] ?? 0) ^ low
    state[7] = (state[7] ?? 0) ^ high
    rounds(state, 2)
    state[0] = (state[0] ?? 0) ^ low
    state[1] = (state[1] ?? 0) ^ high
  }
}

/** SipRound, `count` times. Sums of 64 bits are made of halves; `a` to `d` are v0 to v3. */
function rounds(state: Int32Array, count: number): void {
  let aLow = state[0] ?? 0
  let aHigh = state[1] ?? 0
  let bLow = state[2] ?? 0
  let bHigh = state[3] ?? 0
  let cLow = state[4] ?? 0
  let cHigh = state[5] ?? 0
  let dLow = state[6] ?? 0
  let dHigh = state[7] ?? 0
  for (let round = 0; round < count; round++) {
    aHigh = (aHigh + bHigh + carry(aLow, bLow)) | 0
    aLow = (aLow + bLow) | 0
    cHigh = (cHigh + dHigh + carry(cLow, dLow)) | 0
    cLow = (cLow + dLow) | 0
    const b13 = ((bLow << 13) | (bHigh >>> 19)) ^ aLow
    bHigh = ((bHigh << 13) | (bLow >>> 19)) ^ aHigh
    bLow = b13
    const d16 = ((dLow << 16) | (dHigh >>> 16)) ^ cLow
    dHigh = ((dHigh << 16) | (dLow >>> 16)) ^ cHigh
    dLow = d16
    const a32 = aHigh
    aHigh = aLow
    aLow = a32
    cHigh = (cHigh + bHigh + carry(cLow, bLow)) | 0
    cLow = (cLow + bLow) | 0
    aHigh = (aHigh + dHigh + carry(aLow, dLow)) | 0
    aLow = (aLow + dLow) | 0
    const b17 = ((bLow << 17) | (bHigh >>> 15)) ^ cLow
    bHigh = ((bHigh << 17) | (bLow >>> 15)) ^ cHigh
    bLow = b17
    const d21 = ((dLow << 21) | (dHigh >>> 11)) ^ aLow
    dHigh = ((dHigh << 21) | (dLow >>> 11)) ^ aHigh
    dLow = d21
    const c32 = cHigh
    cHigh = cLow
    cLow = c32
  }
  state[0] = aLow
  state[1] = aHigh
  state[2] = bLow
  state[3] = bHigh
  state[4] = cLow
  state[5] = cHigh
  state[6] = dLow
  state[7] = dHigh
}

/** What the sum of two low halves hands on to the high ones. */
function carry(a: number, b: number): number {
  return (a >>> 0) + (b >>> 0) > 0xffffffff ? 1 : 0
}

/** The exclusive or of one half of all words. */
function fold(state: Int32Array, half: 0 | 1): number {
  let word = 0
  for (let at = half; at < WORDS; at += 2) word ^= state[at] ?? 0
  return word >>> 0
}

/** Little-endian. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    byteAt(bytes, at) |
    (byteAt(bytes, at + 1) << 8) |
    (byteAt(bytes, at + 2) << 16) |
    (byteAt(bytes, at + 3) << 24)
  )
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
