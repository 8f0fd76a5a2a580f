//! All server transactions by key: RFC 3261 §17.2, §9.2, §8.2.2.2.

import { assert } from '../../base/assert.ts'
import type { Millis } from '../../base/time.ts'
import type { SipMessage, SipRequest } from '../message/message.ts'
import { reply } from '../message/reply.ts'
import { serialize } from '../message/serialize.ts'
import { topVia } from '../message/views.ts'
import { ByPlace } from './by-place.ts'
import { isReliable, type FlowId, type Source, type Target } from './flow.ts'
import { refusal, statelessTag } from './hop-by-hop.ts'
import { KeptAnswers } from './kept-answers.ts'
import { mergeKeyOf, serverKeyOf, serverKeyOfResponse, type ServerKey } from './keys.ts'
import type { LayerInput, LayerOutput } from './layer-events.ts'
import { responseRoute } from './response-route.ts'
import type { Schedule } from './schedule.ts'
import { ServerTransaction } from './server-transaction.ts'

export type ServerBounds = {
  /** Above this many, new requests are refused with 503. */
  readonly transactions: number
  /** Answered non-INVITE transactions above this many: the oldest is forgotten before Timer J. */
  readonly lingering: number
}

/** Of a typical answer to a request that makes no call: a challenge of a REGISTER. */
const ANSWER_BYTES = 640

const FULL_RETRY_AFTER = [['retry-after', '5']] as const

export class ServerTransactions {
  readonly #byKey = new Map<ServerKey, ServerTransaction>()
  readonly #byMergeKey = new Map<string, ServerTransaction>()
  readonly #schedule: Schedule
  readonly #bounds: ServerBounds
  readonly #hasSuccessor: boolean
  readonly #answers: KeptAnswers
  /** INVITEs whose sender is sought when the connection is gone that they came by. */
  readonly #places = new ByPlace<ServerTransaction>()
  /**
   * Those that have answered and only wait for Timer J. It is the same for all, so they end in the
   * order they came and need no heap; at thousands of requests a second they are by far the most.
   */
  #oldest: ServerTransaction | undefined
  #newest: ServerTransaction | undefined
  #lingering = 0

  constructor(schedule: Schedule, bounds: ServerBounds, hasSuccessor: boolean) {
    this.#schedule = schedule
    this.#bounds = bounds
    this.#hasSuccessor = hasSuccessor
    this.#answers = new KeptAnswers(bounds.lingering * ANSWER_BYTES)
  }

  get size(): number {
    return this.#byKey.size
  }

  has(key: ServerKey): boolean {
    return this.#byKey.has(key)
  }

  hear(request: SipRequest, source: Source, now: Millis, out: LayerOutput[]): void {
    const key = serverKeyOf(request)
    assert(key !== undefined, 'a request without a readable Via came past validation')
    const known = this.#byKey.get(key)
    if (known !== undefined) {
      if (request.method === 'ACK') known.hearAck(request, source, now, out)
      else known.hear(now, out)
      return this.settle(known, out)
    }
    if (request.method === 'ACK') out.push({ kind: 'ack', source, request })
    else if (request.method === 'CANCEL') this.#cancel(key, request, source, now, out)
    else this.#begin(key, request, source, now, out)
  }

  /** Goes on with an INVITE that another process took and did not answer finally. */
  resume(order: Extract<LayerInput, { kind: 'resume' }>, now: Millis): void {
    const { request, source, to } = order
    const key = serverKeyOf(request)
    if (key !== undefined && !this.#byKey.has(key))
      this.#open(key, mergeKeyOf(request), request, source, now, to)
  }

  seek(key: ServerKey, to: FlowId): void {
    const found = this.#byKey.get(key)
    if (found === undefined || found.isSought) return
    found.seek(to)
    this.#places.add(found)
  }

  /** What was said by it last may be lost: to those who are sought it is said again. */
  flowClosed(flow: FlowId, now: Millis, out: LayerOutput[]): void {
    for (const each of this.#places.at(flow)) {
      this.#places.remove(each)
      each.flowClosed(now, out)
      this.settle(each, out)
    }
  }

  answer(order: Extract<LayerInput, { kind: 'respond' }>, now: Millis, out: LayerOutput[]): void {
    const { key, response } = order
    const found = this.#byKey.get(key)
    if (found?.answer(response, now, out) !== true) out.push({ kind: 'unsent', key, response })
    if (found === undefined) return
    // Deviation: who answers a challenge without a new CSeq has merged nothing.
    if (response.status === 401 || response.status === 407) this.#unmerge(found)
    this.settle(found, out)
  }

  ignore(key: ServerKey, out: LayerOutput[]): void {
    const found = this.#byKey.get(key)
    if (found?.open === true) this.#end(found, out)
  }

  transportFailed(message: SipMessage, now: Millis, out: LayerOutput[]): void {
    const key = message.kind === 'response' ? serverKeyOfResponse(message) : undefined
    const found = key === undefined ? undefined : this.#byKey.get(key)
    if (found === undefined) return
    if (found.isSought) this.#places.remove(found)
    found.transportFailed(now, out)
    this.settle(found, out)
  }

  deadline(): Millis | undefined {
    return this.#oldest?.deadline()
  }

  wake(now: Millis, out: LayerOutput[]): void {
    for (let oldest = this.#oldest; oldest !== undefined; oldest = this.#oldest) {
      if ((oldest.deadline() ?? now) > now) return
      oldest.wake(now, out)
      this.#forgetOldest(out)
    }
  }

  /** After every step of `transaction`: keeps its alarm right, or lets it go. */
  settle(transaction: ServerTransaction, out: LayerOutput[]): void {
    const { state } = transaction
    if (state === 'terminated') return this.#end(transaction, out)
    if (state !== 'completed' || transaction.invite) return this.#schedule.arm(transaction)
    if (transaction.younger !== undefined || transaction === this.#newest) return
    this.#schedule.disarm(transaction)
    if (this.#newest === undefined) this.#oldest = transaction
    else this.#newest.younger = transaction
    this.#newest = transaction
    if (++this.#lingering > this.#bounds.lingering) this.#forgetOldest(out)
  }

  #begin(
    key: ServerKey,
    request: SipRequest,
    source: Source,
    now: Millis,
    out: LayerOutput[],
  ): void {
    const mergeKey = mergeKeyOf(request)
    if (mergeKey !== undefined && this.#byMergeKey.has(mergeKey))
      return this.#refuse(request, source, 482, 'Merged Request', out)
    if (this.#byKey.size >= this.#bounds.transactions)
      return this.#refuse(request, source, 503, 'Too Many Transactions', out)
    const opened = this.#open(key, mergeKey, request, source, now)
    out.push({ kind: 'request', key: opened.key, source, request })
  }

  /**
   * §9.2. The CANCEL has a transaction of its own, and no effect when the INVITE is answered. From
   * another address (§22.1: it cannot be challenged) it gets none, for its key is the one that the
   * caller's own will have.
   */
  #cancel(
    key: ServerKey,
    request: SipRequest,
    source: Source,
    now: Millis,
    out: LayerOutput[],
  ): void {
    const inviteKey = serverKeyOf(request, 'INVITE')
    const invite = inviteKey === undefined ? undefined : this.#byKey.get(inviteKey)
    if (invite === undefined || invite.from !== source.address)
      return this.#refuse(request, source, 481, undefined, out)
    if (isReliable(source.transport)) this.#move(invite, source.flow, out)
    const opened = this.#open(key, undefined, request, source, now)
    opened.answer(reply(request, 200, { toTag: invite.toTag ?? statelessTag(request) }), now, out)
    this.settle(opened, out)
    if (invite.open) out.push({ kind: 'cancel', key: invite.key, source, request })
  }

  /** Who sent it is here by another connection now. */
  #move(invite: ServerTransaction, to: FlowId, out: LayerOutput[]): void {
    if (invite.to === to) return
    if (invite.isSought) this.#places.remove(invite)
    invite.moveTo(to, out)
    if (invite.isSought) this.#places.add(invite)
  }

  #open(
    key: ServerKey,
    mergeKey: string | undefined,
    request: SipRequest,
    source: Source,
    now: Millis,
    resumed?: FlowId | Target,
  ): ServerTransaction {
    const answers = this.#answers
    const hasSuccessor = this.#hasSuccessor
    const given = { key, mergeKey, answers, hasSuccessor, resumed }
    const opened = new ServerTransaction(given, request, source, now)
    this.#byKey.set(key, opened)
    if (mergeKey !== undefined) this.#byMergeKey.set(mergeKey, opened)
    this.#schedule.arm(opened)
    return opened
  }

  /** Without a transaction: the retransmission gets the same. */
  #refuse(
    request: SipRequest,
    source: Source,
    status: number,
    reason: string | undefined,
    out: LayerOutput[],
  ): void {
    const via = topVia(request)
    if (via === undefined) return
    const headers = status === 503 ? FULL_RETRY_AFTER : []
    const message = refusal(request, status, headers, reason)
    const to = responseRoute(source, via)
    out.push({ kind: 'send', to, message, bytes: serialize(message), again: false })
  }

  #forgetOldest(out: LayerOutput[]): void {
    const oldest = this.#oldest
    if (oldest === undefined) return
    this.#oldest = oldest.younger
    if (this.#oldest === undefined) this.#newest = undefined
    this.#lingering--
    this.#end(oldest, out)
  }

  #end(transaction: ServerTransaction, out: LayerOutput[]): void {
    this.#schedule.disarm(transaction)
    this.#byKey.delete(transaction.key)
    if (transaction.isSought) this.#places.remove(transaction)
    this.#unmerge(transaction)
    out.push({ kind: 'server-terminated', key: transaction.key })
  }

  #unmerge(transaction: ServerTransaction): void {
    const { mergeKey } = transaction
    if (mergeKey !== undefined && this.#byMergeKey.get(mergeKey) === transaction)
      this.#byMergeKey.delete(mergeKey)
  }
}
