//! Nonces without memory until one is used: a number, when it was given, and 64 bits that only we
//! can make of these two and the address it was given to (SipHash-2-4). Who reads one learns how
//! long we run and how many were given, and that is no secret. From its first use a window of nonce
//! counts is kept, so that no request is taken twice (RFC 7616 §5.4).

import { seconds, type Millis } from '../../../src/base/time.ts'
import { SipHash } from './sip-hash.ts'

/** A nonce of ours, read. */
export type Nonce = { readonly number: number; readonly issuedAt: number }

export type NonceUse =
  | 'fresh'
  /** Too old, or used before. */
  | 'stale'

/** What is hashed: number and second, then the address. */
const HEAD = 8
const ADDRESS_MAX = 64
/** Number, second and hash, and that in base64url. */
const BLOCK = 16
const TEXT_LENGTH = 22

/** Counts below the highest that are told apart: what a phone may have on the way at once. */
const WINDOW = 20
const WINDOW_MASK = 2 ** WINDOW - 1
/** No nonce has this number. */
const VACANT = 0

export class Nonces {
  readonly #hash: SipHash
  readonly #lifetime: Millis
  readonly #message = Buffer.alloc(HEAD + ADDRESS_MAX)
  readonly #block = Buffer.alloc(BLOCK)
  #issued = 0
  // Each used nonce has the place that its number, modulo the capacity, says: it keeps its number,
  // the highest count, and which counts below that were seen. Typed arrays, for nonces come and go
  // by thousands a second.
  readonly #numbers: Uint32Array
  readonly #highest: Uint32Array
  readonly #seen: Uint32Array

  /**
   * A key of 16 bytes, used for nothing else. `capacity`: so many nonces later, at the soonest, a
   * used one is stale.
   */
  constructor(key: Uint8Array, lifetime = seconds(3600), capacity = 200_000) {
    this.#hash = new SipHash(key)
    this.#lifetime = lifetime
    this.#numbers = new Uint32Array(capacity)
    this.#highest = new Uint32Array(capacity)
    this.#seen = new Uint32Array(capacity)
  }

  issue(address: string, now: Millis): string {
    this.#issued = (this.#issued + 1) >>> 0 || 1
    const issuedAt = secondOf(now)
    this.#seal(this.#issued, issuedAt, address)
    const block = this.#block
    block.writeUInt32LE(this.#issued, 0)
    block.writeUInt32LE(issuedAt, 4)
    block.writeUInt32LE(this.#hash.low, 8)
    block.writeUInt32LE(this.#hash.high, 12)
    return block.toString('base64url')
  }

  /**
   * Undefined when we did not give it to this address in this run: who sends such a one has not
   * heard our challenge.
   */
  read(nonce: string, address: string): Nonce | undefined {
    if (nonce.length !== TEXT_LENGTH) return undefined
    const block = this.#block
    if (block.write(nonce, 'base64url') !== BLOCK) return undefined
    const number = block.readUInt32LE(0)
    const issuedAt = block.readUInt32LE(4)
    this.#seal(number, issuedAt, address)
    const low = block.readUInt32LE(8) ^ this.#hash.low
    const high = block.readUInt32LE(12) ^ this.#hash.high
    return (low | high) === 0 ? { number, issuedAt } : undefined
  }

  /** We gave it to this address, and it has not grown old; whether it was used does not matter. */
  isFresh(nonce: string, address: string, now: Millis): boolean {
    const found = this.read(nonce, address)
    return found !== undefined && !this.#isOld(found, now)
  }

  /** Takes the count as used. Without one (RFC 2069 clients) the nonce is good once. */
  use(nonce: Nonce, count: number | undefined, now: Millis): NonceUse {
    if (this.#isOld(nonce, now)) return 'stale'
    return this.#take(nonce.number, count ?? 1) ? 'fresh' : 'stale'
  }

  #isOld({ issuedAt }: Nonce, now: Millis): boolean {
    return (secondOf(now) - issuedAt) * 1000 > this.#lifetime
  }

  /** Leaves in `#hash` what belongs to a nonce. */
  #seal(number: number, issuedAt: number, address: string): void {
    const message = this.#message
    message.writeUInt32LE(number, 0)
    message.writeUInt32LE(issuedAt, 4)
    this.#hash.update(message, HEAD + message.write(address, HEAD, 'latin1'))
  }

  #take(number: number, count: number): boolean {
    const place = number % this.#numbers.length
    const holder = this.#numbers[place] ?? VACANT
    if (holder !== number) {
      // A newer one has its place: it may have been used before that, and have been forgotten.
      if (holder !== VACANT && ((number - holder) | 0) < 0) return false
      this.#numbers[place] = number
      this.#highest[place] = count
      this.#seen[place] = 1
      return true
    }
    const seen = this.#seen[place] ?? 0
    const ahead = count - (this.#highest[place] ?? 0)
    if (ahead > 0) {
      this.#highest[place] = count
      this.#seen[place] = ahead < WINDOW ? ((seen << ahead) | 1) & WINDOW_MASK : 1
      return true
    }
    const bit = -ahead < WINDOW ? 1 << -ahead : 0
    if (bit === 0 || (seen & bit) !== 0) return false
    this.#seen[place] = seen | bit
    return true
  }
}

function secondOf(now: Millis): number {
  return Math.floor(now / 1000) >>> 0
}
