//! One client transaction: a machine of §17.1 and the messages it sends.

import { assert, unreachable } from '../../base/assert.ts'
import { deadline, type Deadline } from '../../base/heap.ts'
import type { Millis } from '../../base/time.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { parseMessage } from '../message/parse.ts'
import { serialize } from '../message/serialize.ts'
import type { Placed } from './by-place.ts'
import { classify, type ClientAction, type ClientEvent } from './client-events.ts'
import { FigureMachine } from './figure.ts'
import type { FlowId, Source, Target } from './flow.ts'
import { ackFor } from './hop-by-hop.ts'
import { INVITE_CLIENT, type State as InviteState } from './invite-client.ts'
import type { ClientKey } from './keys.ts'
import type { FailureCause, LayerOutput } from './layer-events.ts'
import { NON_INVITE_CLIENT, type State as NonInviteState } from './non-invite-client.ts'
import type { Timed } from './schedule.ts'

type State = InviteState | NonInviteState
type ExtraHeaders = readonly (readonly [string, string])[]

export type ClientOrder = {
  readonly key: ClientKey
  readonly to: FlowId | Target
  readonly reliable: boolean
  readonly request: SipRequest
  /** An INVITE that another process has sent: nothing is, until its answers come. */
  readonly resumed?: boolean
}

export class ClientTransaction implements Timed, Placed<ClientTransaction> {
  readonly key: ClientKey
  readonly to: FlowId | Target
  readonly reliable: boolean
  readonly timer: Deadline<Timed> = deadline(this)
  previous: ClientTransaction | undefined
  next: ClientTransaction | undefined
  /** Headers of the CANCEL that waits for a provisional answer. */
  pendingCancel: ExtraHeaders | undefined
  readonly #machine: FigureMachine<State, ClientEvent, ClientAction>
  /** Our own CANCEL: nobody asks how it went. */
  readonly #quiet: boolean
  /** Until the final answer. */
  #request: SipRequest | undefined
  /** What a retransmission repeats: the request, then the ACK, then nothing. */
  #bytes: Uint8Array | undefined
  #answered = false

  constructor(order: ClientOrder, quiet: boolean, now: Millis, out: LayerOutput[]) {
    this.key = order.key
    this.to = order.to
    this.reliable = order.reliable
    this.#quiet = quiet
    this.#request = order.request
    this.#bytes = serialize(order.request)
    const figure = order.request.method === 'INVITE' ? INVITE_CLIENT : NON_INVITE_CLIENT
    const { reliable, resumed } = order
    this.#machine = new FigureMachine<State, ClientEvent, ClientAction>(
      figure,
      reliable,
      now,
      resumed === true ? 'proceeding' : undefined,
    )
    if (resumed !== true) for (const action of figure.first) this.#carryOut(action, out)
  }

  get state(): State {
    return this.#machine.state
  }

  /** The request, as long as it has no final answer. */
  get request(): SipRequest | undefined {
    return this.#request
  }

  /** It has had its final answer. */
  get answered(): boolean {
    return this.#answered
  }

  hear(response: SipResponse, source: Source, now: Millis, out: LayerOutput[]): void {
    const actions = this.#machine.step(classify(response.status), now)
    for (const action of actions)
      if (action === 'send-ack') this.#acknowledge(response, out)
      else if (action !== 'deliver') this.#carryOut(action, out)
      else if (!this.#quiet) out.push({ kind: 'response', key: this.key, source, response })
    if (response.status < 200) return
    this.#answered = true
    this.#request = undefined
    if (!actions.includes('send-ack')) this.#bytes = undefined
  }

  /** The CANCEL is on its way: from now on the final answer has its limit. */
  cancelled(now: Millis): void {
    this.pendingCancel = undefined
    this.#machine.step('cancel', now)
  }

  transportFailed(now: Millis, out: LayerOutput[]): void {
    for (const action of this.#machine.step('transport-error', now)) this.#carryOut(action, out)
  }

  wake(now: Millis, out: LayerOutput[]): void {
    for (const action of this.#machine.wake(now)) this.#carryOut(action, out, true)
  }

  deadline(): Millis | undefined {
    return this.#machine.deadline()
  }

  #carryOut(action: ClientAction, out: LayerOutput[], again = false): void {
    switch (action) {
      case 'send-request':
        return this.#send(out, again)
      case 'timed-out':
        return this.#fail('timeout', out)
      case 'transport-failed':
        return this.#fail('transport', out)
      case 'send-ack':
      case 'deliver':
        // Only a response leads here, and `hear` does these two itself.
        return undefined
      default:
        return unreachable(action)
    }
  }

  /** A retransmitted answer gets the same ACK once more. */
  #acknowledge(response: SipResponse, out: LayerOutput[]): void {
    if (this.#request !== undefined) {
      const message = ackFor(this.#request, response)
      this.#bytes = serialize(message)
      out.push({ kind: 'send', to: this.to, message, bytes: this.#bytes, again: false })
      return
    }
    if (this.#bytes === undefined) return
    const ack = parseMessage(this.#bytes)
    assert(ack.ok, 'what we wrote can be read')
    out.push({ kind: 'send', to: this.to, message: ack.value, bytes: this.#bytes, again: true })
  }

  #send(out: LayerOutput[], again: boolean): void {
    const message = this.#request
    const bytes = this.#bytes
    if (message === undefined || bytes === undefined) return
    out.push({ kind: 'send', to: this.to, message, bytes, again })
  }

  /** Who has had a final answer is not told that the ACK did not go. */
  #fail(cause: FailureCause, out: LayerOutput[]): void {
    if (!this.#answered && !this.#quiet) out.push({ kind: 'failed', key: this.key, cause })
  }
}
