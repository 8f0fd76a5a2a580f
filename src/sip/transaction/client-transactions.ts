//! All client transactions by key: RFC 3261 §17.1.

import { assert } from '../../base/assert.ts'
import type { Millis } from '../../base/time.ts'
import type { SipMessage, SipResponse } from '../message/message.ts'
import { ByPlace } from './by-place.ts'
import { ClientTransaction, type ClientOrder } from './client-transaction.ts'
import type { FlowId, Source, Target } from './flow.ts'
import { cancelFor } from './hop-by-hop.ts'
import { clientKeyOf, type ClientKey } from './keys.ts'
import type { LayerInput, LayerOutput } from './layer-events.ts'
import type { Schedule } from './schedule.ts'

export class ClientTransactions {
  readonly #byKey = new Map<ClientKey, ClientTransaction>()
  /** Those without a final answer. */
  readonly #byPlace = new ByPlace<ClientTransaction>()
  readonly #schedule: Schedule

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  get size(): number {
    return this.#byKey.size
  }

  /** Flows and targets that have requests under way. */
  get places(): number {
    return this.#byPlace.size
  }

  start(order: ClientOrder, now: Millis, out: LayerOutput[]): void {
    this.#open(order, false, now, out)
  }

  hear(response: SipResponse, source: Source, now: Millis, out: LayerOutput[]): void {
    const key = clientKeyOf(response)
    const found = key === undefined ? undefined : this.#byKey.get(key)
    if (found === undefined) {
      out.push({ kind: 'stray-response', source, response })
      return
    }
    found.hear(response, source, now, out)
    if (found.pendingCancel !== undefined) this.#sendCancel(found, found.pendingCancel, now, out)
    this.settle(found, out)
  }

  /** §9.1: at once when a provisional answer has come, else after the first one. */
  cancel(order: Extract<LayerInput, { kind: 'cancel' }>, now: Millis, out: LayerOutput[]): void {
    const invite = this.#byKey.get(order.key)
    if (invite?.request?.method !== 'INVITE') return
    this.#sendCancel(invite, order.headers, now, out)
    this.settle(invite, out)
  }

  /** `message` did not go, or nothing goes to `to` any more. */
  transportFailed(
    to: FlowId | Target,
    message: SipMessage | undefined,
    now: Millis,
    out: LayerOutput[],
  ): void {
    for (const each of this.#affected(to, message)) {
      each.transportFailed(now, out)
      this.settle(each, out)
    }
  }

  /** After every step of `transaction`: keeps its alarm right, or lets it go. */
  settle(transaction: ClientTransaction, out: LayerOutput[]): void {
    const isOver = transaction.state === 'terminated'
    if (isOver || transaction.answered) this.#byPlace.remove(transaction)
    if (!isOver) return this.#schedule.arm(transaction)
    this.#schedule.disarm(transaction)
    this.#byKey.delete(transaction.key)
    out.push({ kind: 'client-terminated', key: transaction.key })
  }

  #open(order: ClientOrder, quiet: boolean, now: Millis, out: LayerOutput[]): void {
    assert(!this.#byKey.has(order.key), `the branch of ${order.key} is in use`)
    const opened = new ClientTransaction(order, quiet, now, out)
    this.#byKey.set(order.key, opened)
    this.#byPlace.add(opened)
    this.#schedule.arm(opened)
  }

  #sendCancel(
    invite: ClientTransaction,
    headers: readonly (readonly [string, string])[],
    now: Millis,
    out: LayerOutput[],
  ): void {
    invite.pendingCancel = undefined
    const { request, to, reliable, state } = invite
    if (request === undefined || state === 'cancelling') return
    if (state === 'calling') {
      invite.pendingCancel = headers
      return
    }
    const cancel = cancelFor(request, headers)
    invite.cancelled(now)
    const key = clientKeyOf(cancel)
    if (key !== undefined) this.#open({ key, to, reliable, request: cancel }, true, now, out)
  }

  #affected(to: FlowId | Target, message: SipMessage | undefined): readonly ClientTransaction[] {
    if (message === undefined) return this.#byPlace.at(to)
    const key = message.kind === 'request' ? clientKeyOf(message) : undefined
    const found = key === undefined ? undefined : this.#byKey.get(key)
    return found === undefined ? [] : [found]
  }
}
