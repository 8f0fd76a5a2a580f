//! The branch parameter of our Vias: RFC 3261 §8.1.1.7, with RFC 5393 §4.2's loop cookie.
//!
//!     z9hG4bK 4h2k0c8d1xyz . 1a2b3c
//!     cookie  random         what the request was when it left here
//!
//! A request that comes in with one of our branches below its top Via, and for which the same
//! cookie comes out again, has gone round unchanged: a loop. With another one it is a spiral, which
//! Max-Forwards bounds.

import { fnv1a } from '../../base/fnv.ts'
import type { Random } from '../../base/random.ts'
import type { SipRequest } from '../message/message.ts'
import { MAGIC_COOKIE } from '../message/via.ts'
import { callId, cseq, fromTag, toTag, vias } from '../message/views.ts'

const RANDOM_LENGTH = 12

export class Branches {
  readonly #random: Random
  /** Others' branches must not look like ours by chance or by design. */
  readonly #secret: number

  constructor(random: Random) {
    this.#random = random
    this.#secret = random.below(0x1_0000_0000)
  }

  /** With a cookie when the request could loop: inside a dialog it has its route. */
  next(request: SipRequest): string {
    const branch = MAGIC_COOKIE + this.#random.token(RANDOM_LENGTH)
    return request.method === 'ACK' || toTag(request) !== undefined
      ? branch
      : `${branch}.${this.#cookie(request)}`
  }

  isLoop(request: SipRequest): boolean {
    // Nearly every request comes straight from a phone.
    const [, ...below] = vias(request) ?? []
    if (below.length === 0) return false
    const ending = `.${this.#cookie(request)}`
    return below.some(({ branch }) => branch?.endsWith(ending) === true)
  }

  #cookie(request: SipRequest): string {
    const sequence = cseq(request)?.number
    const text = `${request.uri} ${callId(request)} ${fromTag(request)} ${sequence}`
    return fnv1a(text, this.#secret).toString(36)
  }
}
