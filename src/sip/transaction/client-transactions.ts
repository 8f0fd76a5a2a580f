//! All client transactions by key: RFC 3261 §17.1.

import { assert } from '../../base/assert.ts'
import type { Millis } from '../../base/time.ts'
import type { SipMessage, SipResponse } from '../message/message.ts'
import { ClientTransaction, type ClientOrder } from './client-transaction.ts'
import type { FlowId, Source, Target } from './flow.ts'
import { cancelFor } from './hop-by-hop.ts'
import { clientKeyOf, type ClientKey } from './keys.ts'
import type { LayerInput, LayerOutput } from './layer-events.ts'
import type { Schedule } from './schedule.ts'

export class ClientTransactions {
  readonly #byKey = new Map<ClientKey, ClientTransaction>()
  /** Those on a flow: they fail with it. */
  readonly #byFlow = new Map<FlowId, Set<ClientTransaction>>()
  readonly #schedule: Schedule

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  get size(): number {
    return this.#byKey.size
  }

  /** Flows that have transactions under way. */
  get flows(): number {
    return this.#byFlow.size
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
    if (transaction.state !== 'terminated') return this.#schedule.arm(transaction)
    this.#schedule.disarm(transaction)
    this.#byKey.delete(transaction.key)
    this.#leaveFlow(transaction)
    out.push({ kind: 'client-terminated', key: transaction.key })
  }

  #open(order: ClientOrder, quiet: boolean, now: Millis, out: LayerOutput[]): void {
    assert(!this.#byKey.has(order.key), `the branch of ${order.key} is in use`)
    const opened = new ClientTransaction(order, quiet, now, out)
    this.#byKey.set(order.key, opened)
    if (typeof order.to === 'string') {
      const sharing = this.#byFlow.get(order.to)
      if (sharing === undefined) this.#byFlow.set(order.to, new Set([opened]))
      else sharing.add(opened)
    }
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
    if (message !== undefined) {
      const key = message.kind === 'request' ? clientKeyOf(message) : undefined
      const found = key === undefined ? undefined : this.#byKey.get(key)
      return found === undefined ? [] : [found]
    }
    if (typeof to === 'string') return [...(this.#byFlow.get(to) ?? [])]
    // Rare: an ICMP error that names no message.
    return [...this.#byKey.values()].filter((each) => sameTarget(each.to, to))
  }

  #leaveFlow(transaction: ClientTransaction): void {
    if (typeof transaction.to !== 'string') return
    const sharing = this.#byFlow.get(transaction.to)
    sharing?.delete(transaction)
    if (sharing?.size === 0) this.#byFlow.delete(transaction.to)
  }
}

function sameTarget(a: FlowId | Target, b: Target): boolean {
  if (typeof a === 'string') return false
  return a.transport === b.transport && a.host === b.host && a.port === b.port
}
