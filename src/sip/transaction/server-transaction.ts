//! One server transaction: a machine of §17.2, where its answers go, and the last of them.

import { assert, unreachable } from '../../base/assert.ts'
import { deadline, type Deadline } from '../../base/heap.ts'
import type { Millis } from '../../base/time.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { parseNameAddr } from '../message/name-addr.ts'
import { parseMessage } from '../message/parse.ts'
import { reply } from '../message/reply.ts'
import { serialize } from '../message/serialize.ts'
import { binary, textOf } from '../message/text.ts'
import { topVia, toTag } from '../message/views.ts'
import type { Placed } from './by-place.ts'
import { FigureMachine } from './figure.ts'
import type { FlowId, Source, Target } from './flow.ts'
import {
  INVITE_SERVER,
  REINVITE_SERVER,
  SUCCEEDED_INVITE_SERVER,
  type State as InviteState,
} from './invite-server.ts'
import { KEPT_MAX, type Kept, type KeptAnswers } from './kept-answers.ts'
import type { ServerKey } from './keys.ts'
import type { LayerOutput } from './layer-events.ts'
import { NON_INVITE_SERVER, type State as NonInviteState } from './non-invite-server.ts'
import { responseFallback, responseRoute } from './response-route.ts'
import type { Timed } from './schedule.ts'
import { classifyAnswer, type ServerAction, type ServerEvent } from './server-events.ts'

type State = InviteState | NonInviteState

export class ServerTransaction implements Timed, Placed<ServerTransaction> {
  readonly key: ServerKey
  /** By this one its copies on other ways are known (§8.2.2.2). */
  readonly mergeKey: string | undefined
  readonly invite: boolean
  /** Where an INVITE came from: its CANCEL comes from there too. */
  readonly from: string | undefined
  readonly timer: Deadline<Timed> = deadline(this)
  /** The next one in the line of those that only linger. */
  younger: ServerTransaction | undefined
  /** Of its chain, see `ByPlace`. */
  previous: ServerTransaction | undefined
  next: ServerTransaction | undefined
  readonly #machine: FigureMachine<State, ServerEvent, ServerAction>
  /** Where its answers go. */
  to: FlowId | Target
  #fallback: FlowId | Target | undefined
  /** The place that its sender is sought at, whether it is in use or not. */
  #sought: FlowId | undefined
  /** Until the 100 that copies it, or the first answer. */
  #request: SipRequest | undefined
  /** What a retransmission repeats, as it was on the wire, until it is only there to linger. */
  #wire: string | undefined
  readonly #answers: KeptAnswers
  #kept: Kept | undefined
  #keptLength = 0
  /** The To value of the INVITE's last answer, for the tag in it. */
  #answered: string | undefined

  constructor(
    given: {
      readonly key: ServerKey
      readonly mergeKey: string | undefined
      readonly answers: KeptAnswers
      /** Another process goes on when this one ends. */
      readonly hasSuccessor: boolean
      /** An INVITE that another process took, and where its answers go now. */
      readonly resumed?: FlowId | Target | undefined
    },
    request: SipRequest,
    source: Source,
    now: Millis,
  ) {
    this.key = given.key
    this.mergeKey = given.mergeKey
    this.#answers = given.answers
    this.invite = request.method === 'INVITE'
    this.from = this.invite ? source.address : undefined
    const via = topVia(request)
    const { resumed } = given
    this.to = resumed ?? responseRoute(source, via)
    // A connection that was lost in between may have taken answers with it.
    const reliable = source.transport !== 'udp' && resumed === undefined
    const first = given.hasSuccessor ? SUCCEEDED_INVITE_SERVER : INVITE_SERVER
    const invite = toTag(request) === undefined ? first : REINVITE_SERVER
    const figure = this.invite ? invite : NON_INVITE_SERVER
    const at = resumed && 'proceeding'
    this.#machine = new FigureMachine<State, ServerEvent, ServerAction>(figure, reliable, now, at)
    if (resumed !== undefined) {
      if (typeof resumed === 'string') this.#sought = resumed
      this.#wire = textOf(serialize(reply(request, 100)))
      return
    }
    this.#request = request
    this.#fallback = via === undefined ? undefined : responseFallback(source, via)
  }

  get state(): State {
    return this.#machine.state
  }

  /** It has no final answer yet. */
  get open(): boolean {
    const { state } = this.#machine
    return state === 'trying' || state === 'proceeding'
  }

  /** Of the INVITE's answers, when there has been one with a tag. Only a CANCEL asks. */
  get toTag(): string | undefined {
    return this.#answered && parseNameAddr(this.#answered)?.params.get('tag')
  }

  /** False when the transaction is past that. Each action an answer leads to is to send it. */
  answer(response: SipResponse, now: Millis, out: LayerOutput[]): boolean {
    const { state } = this.#machine
    const actions = this.#machine.step(classifyAnswer(response.status, this.invite), now)
    if (actions.length === 0) return false
    this.#sendNew(response, out, state === 'accepted')
    return true
  }

  /** The request came again. */
  hear(now: Millis, out: LayerOutput[]): void {
    for (const action of this.#machine.step('request', now)) this.#carryOut(action, out)
  }

  hearAck(request: SipRequest, source: Source, now: Millis, out: LayerOutput[]): void {
    for (const action of this.#machine.step('ack', now))
      if (action === 'deliver-ack') out.push({ kind: 'ack', source, request })
    if (this.#machine.state === 'confirmed') this.#wire = undefined
  }

  /** Where its answers go when the connection that it came by is gone. */
  seek(to: FlowId): void {
    this.#fallback = to
    this.#sought = to
  }

  /** Who sent it is here by another connection now, and may not have heard the refusal. */
  moveTo(flow: FlowId, out: LayerOutput[]): void {
    this.to = flow
    this.#fallback = this.#sought ?? this.#fallback
    if (this.#machine.state === 'completed') this.#resend(out)
  }

  get isSought(): boolean {
    return typeof this.#fallback === 'string'
  }

  /** Its connection has closed. A refusal may not have been heard; that it rings is old news. */
  flowClosed(now: Millis, out: LayerOutput[]): void {
    this.#fallBack(now)
    if (this.#machine.state === 'completed') this.#resend(out)
  }

  /** `to` could not be reached: the other way of §18.2.2, if there is one and it is not that. */
  transportFailed(now: Millis, out: LayerOutput[]): void {
    if (this.#fallBack(now)) return this.#resend(out)
    for (const action of this.#machine.step('transport-error', now)) this.#carryOut(action, out)
  }

  #fallBack(now: Millis): boolean {
    const to = this.#fallback
    if (to === undefined) return false
    this.to = to
    this.#fallback = undefined
    // Whoever sent it may have no other connection yet.
    if (typeof to === 'string') this.#machine.distrust(now)
    return true
  }

  wake(now: Millis, out: LayerOutput[]): void {
    for (const action of this.#machine.wake(now)) this.#carryOut(action, out)
  }

  deadline(): Millis | undefined {
    return this.#machine.deadline()
  }

  #carryOut(action: ServerAction, out: LayerOutput[]): void {
    const { key } = this
    switch (action) {
      case 'resend':
        return this.#resend(out)
      case 'send-trying':
        if (this.#request !== undefined) this.#sendNew(reply(this.#request, 100), out, false)
        return undefined
      case 'timed-out':
        return void out.push({ kind: 'server-failed', key, cause: 'timeout' })
      case 'transport-failed':
        return void out.push({ kind: 'server-failed', key, cause: 'transport' })
      case 'send-response':
      case 'deliver':
      case 'deliver-ack':
        // Done where the answer, or the source, is at hand.
        return undefined
      default:
        return unreachable(action)
    }
  }

  #sendNew(message: SipResponse, out: LayerOutput[], again: boolean): void {
    const bytes = serialize(message)
    this.#request = undefined
    if (this.invite) this.#answered = message.headers.get('to')
    out.push({ kind: 'send', to: this.to, message, bytes, again })
    this.#remember(bytes)
  }

  #remember(bytes: Uint8Array): void {
    const { state } = this.#machine
    this.#wire = undefined
    // The TU repeats its 2xx itself, and what has terminated is asked for nothing.
    if (state === 'accepted' || state === 'terminated') return
    if (this.invite || state !== 'completed' || bytes.length > KEPT_MAX) this.#wire = textOf(bytes)
    else {
      this.#kept = this.#answers.keep(bytes)
      this.#keptLength = bytes.length
    }
  }

  #resend(out: LayerOutput[]): void {
    const bytes = this.#lastSent()
    if (bytes === undefined) return
    const read = parseMessage(bytes)
    assert(read.ok, 'what we wrote can be read')
    out.push({ kind: 'send', to: this.to, message: read.value, bytes, again: true })
  }

  #lastSent(): Uint8Array | undefined {
    if (this.#kept !== undefined) return this.#answers.read(this.#kept, this.#keptLength)
    return this.#wire === undefined ? undefined : binary(this.#wire)
  }
}
