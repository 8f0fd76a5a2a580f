//! Where each request goes. What begins something is authenticated first; what belongs to a dialog
//! goes to whoever has that dialog.

import type { Host } from '../../src/base/host.ts'
import type { SipRequest, SipResponse } from '../../src/sip/message/message.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { topVia, toTag } from '../../src/sip/message/views.ts'
import type { SipStack, TransactionUser } from '../../src/sip/stack.ts'
import type { Source } from '../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../src/sip/transaction/keys.ts'
import { responseRoute } from '../../src/sip/transaction/response-route.ts'
import type { Authenticator } from './auth/authenticator.ts'
import { ACCEPT, ALLOW, inability, SUPPORTED } from './call/admission.ts'
import type { CallHost } from './call/host/call-host.ts'
import type { Extension } from './directory.ts'
import { EVENT_PACKAGES, type RunningEvents } from './events/events-host.ts'
import type { RunningMessages } from './message/message-host.ts'
import type { RunningRegistrar } from './registrar/registrar-host.ts'

export type Rooms = {
  readonly host: Host
  readonly stack: Pick<SipStack, 'respond' | 'ignore' | 'send'>
  readonly authenticator: Authenticator
  readonly registrar: Pick<RunningRegistrar, 'register'>
  readonly calls: Pick<CallHost, 'invite' | 'takeInDialog' | 'ack' | 'cancel'>
  readonly events: Pick<RunningEvents, 'take' | 'takeInDialog'>
  readonly messages: Pick<RunningMessages, 'take'>
}

export type DispatchCounters = { dropped: number; challenged: number; refused: number }

const ALLOW_EVENTS = EVENT_PACKAGES.map(({ name }) => name).join(', ')
const CAPABILITIES = [
  ['allow', ALLOW],
  ['supported', `${SUPPORTED}, path, outbound, gruu`],
  ['accept', `${ACCEPT}, text/plain`],
  ['allow-events', ALLOW_EVENTS],
] as const

const AUTHENTICATED: ReadonlySet<string> = new Set([
  'REGISTER',
  'INVITE',
  'MESSAGE',
  'SUBSCRIBE',
  'PUBLISH',
  'REFER',
])

export class Dispatcher implements TransactionUser {
  readonly counters: DispatchCounters = { dropped: 0, challenged: 0, refused: 0 }
  readonly #rooms: Rooms

  constructor(rooms: Rooms) {
    this.#rooms = rooms
  }

  onRequest(request: SipRequest, key: ServerKey, source: Source): void {
    if (toTag(request) !== undefined) return this.#goOn(request, key, source)
    // Deviation from RFC 3261 §8.2: asked before who it is. What nobody may ask needs no digest.
    if (this.#isBeyondUs(request, key, source)) return
    const { method } = request
    if (AUTHENTICATED.has(method)) return this.#begin(request, key, source)
    if (method === 'OPTIONS') return this.#onOptions(request, key, source)
    return this.#answerStranger(request, key, source, 481)
  }

  onCancel(key: ServerKey, cancel: SipRequest): void {
    this.#rooms.calls.cancel(key, cancel)
  }

  onAck(request: SipRequest): void {
    this.#rooms.calls.ack(request)
  }

  /** Late answers to what nobody remembers: there is nothing left to do with them. */
  onStrayResponse({ status }: SipResponse): void {
    this.#rooms.host.log('debug', 'sip.stray-response', { status })
  }

  /** A final answer was never acknowledged: the call it belonged to has ended already. */
  onServerFailed(key: ServerKey, cause: 'timeout' | 'transport'): void {
    this.#rooms.host.log('debug', 'sip.unacknowledged', { key, cause })
  }

  #begin(request: SipRequest, key: ServerKey, source: Source): void {
    const { registrar, calls, events, messages } = this.#rooms
    const sender = this.#admit(request, key, source)
    if (sender === undefined) return
    switch (request.method) {
      case 'REGISTER':
        return registrar.register(request, key, source, sender)
      case 'INVITE':
        return calls.invite(request, key, source, sender)
      case 'SUBSCRIBE':
      case 'PUBLISH':
        return events.take(request, key, source, sender)
      case 'MESSAGE':
        return messages.take(request, key, source, sender)
      default:
        // Deviation from RFC 3515 §2.4.2: only who is in a call may refer somebody.
        return this.#answer(request, key, 403, [], 'Refer Within A Call')
    }
  }

  /** The sender; undefined when the request is answered, or left without an answer. */
  #admit(request: SipRequest, key: ServerKey, source: Source): Extension | undefined {
    const { authenticator } = this.#rooms
    const verdict = authenticator.authenticate(request, source)
    if (verdict.kind === 'ok') return verdict.extension
    if (verdict.kind === 'drop') {
      this.#drop(key)
      return undefined
    }
    if (verdict.kind === 'challenge') this.counters.challenged++
    else this.counters.refused++
    this.#answerOnce(key, verdict.response, source)
    return undefined
  }

  /**
   * Without a transaction (RFC 3261 §8.2.7): what a stranger sends is answered once, and not again
   * and again to an address that may not be his.
   */
  #answerOnce(key: ServerKey, response: SipResponse, source: Source): void {
    const { stack } = this.#rooms
    stack.ignore(key)
    stack.send(response, responseRoute(source, topVia(response)))
  }

  /** RFC 3261 §11.2: what we are able to do; asked without a password, as pings are. */
  #onOptions(request: SipRequest, key: ServerKey, source: Source): void {
    this.#answerStranger(request, key, source, 200, CAPABILITIES)
  }

  /** Answers a request that this element cannot serve (RFC 3261 §8.2). */
  #isBeyondUs(request: SipRequest, key: ServerKey, source: Source): boolean {
    const refused = inability(request, this.#rooms.host.random.token(10))
    if (refused === undefined) return false
    if (this.#isUnwelcome(request, source)) this.#drop(key)
    else this.#answerOnce(key, refused, source)
    return true
  }

  #goOn(request: SipRequest, key: ServerKey, source: Source): void {
    const { calls, events } = this.#rooms
    if (calls.takeInDialog(request, key, source)) return
    if (request.method === 'SUBSCRIBE' && !this.#isUnwelcome(request, source))
      return events.takeInDialog(request, key, source)
    return this.#answerStranger(request, key, source, 481)
  }

  /** Whoever sends this has shown no password: scanners get nothing. */
  #answerStranger(
    request: SipRequest,
    key: ServerKey,
    source: Source,
    status: number,
    headers: readonly (readonly [string, string])[] = [],
  ): void {
    if (this.#isUnwelcome(request, source)) return this.#drop(key)
    const options = { toTag: this.#rooms.host.random.token(10), headers }
    this.#answerOnce(key, reply(request, status, options), source)
  }

  #isUnwelcome(request: SipRequest, source: Source): boolean {
    return this.#rooms.authenticator.screen(request, source) !== undefined
  }

  #drop(key: ServerKey): void {
    this.counters.dropped++
    this.#rooms.stack.ignore(key)
  }

  #answer(
    request: SipRequest,
    key: ServerKey,
    status: number,
    headers: readonly (readonly [string, string])[] = [],
    reason?: string,
  ): void {
    const { host, stack } = this.#rooms
    const options = { toTag: host.random.token(10), headers, ...(reason && { reason }) }
    stack.respond(key, reply(request, status, options))
  }
}
