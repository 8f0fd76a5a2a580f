//! Who may come in: asks for passwords, answers strangers once and scanners not at all. In front of
//! every room of the role.

import type { Host } from '../../src/base/host.ts'
import type { SipRequest, SipResponse } from '../../src/sip/message/message.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { topVia } from '../../src/sip/message/views.ts'
import type { SipStack } from '../../src/sip/stack.ts'
import type { Source } from '../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../src/sip/transaction/keys.ts'
import { responseRoute } from '../../src/sip/transaction/response-route.ts'
import type { Authenticator } from './auth/authenticator.ts'
import type { Unproven } from './call/hop.ts'
import type { Extension } from './directory.ts'
import type { Location } from './location.ts'

export type DoorCounters = { dropped: number; challenged: number; refused: number }

export type DoorOptions = {
  readonly host: Host
  readonly stack: Pick<SipStack, 'ignore' | 'send'>
  readonly authenticator: Authenticator
  readonly location: Pick<Location, 'bindings'>
}

type Headers = readonly (readonly [string, string])[]

export class Door {
  readonly counters: DoorCounters = { dropped: 0, challenged: 0, refused: 0 }
  readonly #options: DoorOptions

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** The sender; undefined when the request is answered, or left without an answer. */
  admit(request: SipRequest, key: ServerKey, source: Source): Extension | undefined {
    return this.#admit(request, key, source, undefined)
  }

  /**
   * Of a request in a dialog that came from another address than its device was seen at: whether it
   * is of `aor` all the same. By a binding that lives at that address, for which the password was
   * shown; else by showing it now. When false the request is answered, or left without an answer.
   */
  proves({ request, key, source, aor }: Unproven): boolean {
    const { location } = this.#options
    for (const { reachable, target } of location.bindings(aor))
      if (reachable && target.host === source.address) return true
    return this.#admit(request, key, source, aor) !== undefined
  }

  /** Whoever sends this has shown no password: scanners get nothing. */
  answerStranger(
    request: SipRequest,
    key: ServerKey,
    source: Source,
    status: number,
    headers: Headers = [],
  ): void {
    if (this.isUnwelcome(request, source)) return this.drop(key)
    const options = { toTag: this.#options.host.random.token(10), headers }
    this.answerOnce(key, reply(request, status, options), source)
  }

  /**
   * Without a transaction (RFC 3261 §8.2.7): what a stranger sends is answered once, and not again
   * and again to an address that may not be his.
   */
  answerOnce(key: ServerKey, response: SipResponse, source: Source): void {
    const { stack } = this.#options
    stack.ignore(key)
    stack.send(response, responseRoute(source, topVia(response)))
  }

  isUnwelcome(request: SipRequest, source: Source): boolean {
    return this.#options.authenticator.screen(request, source) !== undefined
  }

  /** The request carries a nonce that its source had from us. */
  hasChallenged(request: SipRequest, source: Source): boolean {
    return this.#options.authenticator.hasChallenged(request, source)
  }

  drop(key: ServerKey): void {
    this.counters.dropped++
    this.#options.stack.ignore(key)
  }

  #admit(
    request: SipRequest,
    key: ServerKey,
    source: Source,
    aor: string | undefined,
  ): Extension | undefined {
    const verdict = this.#options.authenticator.authenticate(request, source, aor)
    if (verdict.kind === 'ok') return verdict.extension
    if (verdict.kind === 'drop') {
      this.drop(key)
      return undefined
    }
    if (verdict.kind === 'challenge') this.counters.challenged++
    else this.counters.refused++
    this.answerOnce(key, verdict.response, source)
    return undefined
  }
}
