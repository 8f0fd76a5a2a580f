//! Where each request goes. What begins something is authenticated first; what belongs to a dialog
//! goes to whoever has that dialog.

import type { Host } from '../../src/base/host.ts'
import type { SipRequest, SipResponse } from '../../src/sip/message/message.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { toTag } from '../../src/sip/message/views.ts'
import type { SipStack, TransactionUser } from '../../src/sip/stack.ts'
import type { Source } from '../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../src/sip/transaction/keys.ts'
import { ACCEPT, ALLOW, inability, SUPPORTED } from './call/admission.ts'
import type { CallHost } from './call/host/call-host.ts'
import type { Door } from './door.ts'
import { EVENT_PACKAGES, type RunningEvents } from './events/events-host.ts'
import type { RunningMessages } from './message/message-host.ts'
import type { RunningRegistrar } from './registrar/registrar-host.ts'

export type Rooms = {
  readonly host: Host
  readonly stack: Pick<SipStack, 'respond'>
  readonly door: Door
  readonly registrar: Pick<RunningRegistrar, 'register'>
  readonly calls: Pick<CallHost, 'invite' | 'takeInDialog' | 'ack' | 'cancel' | 'stray'>
  readonly events: Pick<RunningEvents, 'take' | 'takeInDialog'>
  readonly messages: Pick<RunningMessages, 'take'>
}

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
    return this.#rooms.door.answerStranger(request, key, source, 481)
  }

  hasChallenged(request: SipRequest, source: Source): boolean {
    return this.#rooms.door.hasChallenged(request, source)
  }

  onCancel(key: ServerKey, cancel: SipRequest, source: Source): void {
    this.#rooms.calls.cancel(key, cancel, source)
  }

  onAck(request: SipRequest, source: Source): void {
    this.#rooms.calls.ack(request, source)
  }

  /** Late answers to what nobody remembers, or what only a process before this one did. */
  onStrayResponse(response: SipResponse, source: Source): void {
    this.#rooms.host.log('debug', 'sip.stray-response', { status: response.status })
    this.#rooms.calls.stray(response, source)
  }

  /** A final answer was never acknowledged: the call it belonged to has ended already. */
  onServerFailed(key: ServerKey, cause: 'timeout' | 'transport'): void {
    this.#rooms.host.log('debug', 'sip.unacknowledged', { key, cause })
  }

  #begin(request: SipRequest, key: ServerKey, source: Source): void {
    const { registrar, calls, events, messages } = this.#rooms
    const sender = this.#rooms.door.admit(request, key, source)
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

  /** RFC 3261 §11.2: what we are able to do; asked without a password, as pings are. */
  #onOptions(request: SipRequest, key: ServerKey, source: Source): void {
    this.#rooms.door.answerStranger(request, key, source, 200, CAPABILITIES)
  }

  /** Answers a request that this element cannot serve (RFC 3261 §8.2). */
  #isBeyondUs(request: SipRequest, key: ServerKey, source: Source): boolean {
    const refused = inability(request, this.#rooms.host.random.token(10))
    if (refused === undefined) return false
    const { door } = this.#rooms
    if (door.isUnwelcome(request, source)) door.drop(key)
    else door.answerOnce(key, refused, source)
    return true
  }

  #goOn(request: SipRequest, key: ServerKey, source: Source): void {
    const { calls, events, door } = this.#rooms
    if (calls.takeInDialog(request, key, source)) return
    if (request.method === 'SUBSCRIBE' && !door.isUnwelcome(request, source))
      return events.takeInDialog(request, key, source)
    return door.answerStranger(request, key, source, 481)
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
