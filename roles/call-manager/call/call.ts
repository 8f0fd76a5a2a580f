//! A call at work: its state, the outputs of the step in progress, and what waits for an answer.
//! Features are functions over it; this file knows no feature, only how to say things outside.

import { assert } from '../../../src/base/assert.ts'
import type { Random } from '../../../src/base/random.ts'
import { after, millis, wallTime, type Millis, type WallTime } from '../../../src/base/time.ts'
import type { CallId, NodeId } from '../../../src/control/ids.ts'
import type { MediaId, MediaReport, Sdp } from '../../../src/control/media-control.ts'
import { carrierOf, carriesSdp } from '../../../src/sip/dialog/carrier.ts'
import {
  ackInDialog,
  requestInDialog,
  type RequestOptions,
} from '../../../src/sip/dialog/dialog-request.ts'
import type { Dialog, DialogId } from '../../../src/sip/dialog/dialog.ts'
import {
  exchange,
  type Carrier,
  type OfferAnswer,
  type OfferAnswerStep,
  type Side,
} from '../../../src/sip/dialog/offer-answer.ts'
import type { SipMessage, SipRequest } from '../../../src/sip/message/message.ts'
import { reply, type ReplyOptions } from '../../../src/sip/message/reply.ts'
import { joined } from '../../../src/sip/message/text.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import type { CallInput, CallOutput, MediaOp, MediaResult, Tag } from './io.ts'
import { localMedia } from './media-off.ts'
import type { Refused } from './open.ts'
import type { Sent, Serving, Then } from './pending.ts'
import type { Branch, CallState, Hop, Leg, LegId, Open, Pending, TxId } from './state.ts'

export type CallConfig = {
  readonly node: NodeId
  /** User-Agent and Server value. */
  readonly product: string
  /** Host part of the Call-IDs we make. */
  readonly host: string
  /** False: SDP passes untouched and no media server is asked. */
  readonly anchor: boolean
  /** How long all devices together may ring. */
  readonly ringTimeout: Millis
  /** How long one group of equal q may ring while others wait. */
  readonly groupTimeout: Millis
  readonly redirectsMax: number
  readonly transfersMax: number
  /** Calls at once that one extension began, and of one tenant in all; 0 is no limit. */
  readonly callsPerExtension: number
  readonly callsPerTenant: number
  /** Session interval asked for and least one accepted, in seconds (RFC 4028). */
  readonly sessionExpires: number
  readonly minSe: number
  /** Say `unknown-number` before a 404. */
  readonly promptUnknown: boolean
}

/** What owns an (early) dialog: a leg, a face towards the caller, an early dialog of a branch. */
export type Holder = { dialog: Dialog | undefined; exchange: OfferAnswer }

/** Whoever hears what media makes. */
export type Heard = { readonly media: MediaId; readonly hop: Hop }

export class Call {
  readonly state: CallState
  readonly config: CallConfig
  readonly random: Random
  now: Millis
  outputs: CallOutput[] = []
  /** Inputs that this step makes for itself. */
  readonly inbox: CallInput[] = []
  /** Our client transactions, until their final answer. */
  readonly sent = new Map<TxId, Sent>()
  /** INVITEs with a 2xx: more of them may come while the attempt lingers. */
  readonly late = new Map<TxId, LegId>()
  readonly asked = new Map<Tag, Then>()
  /** Peers' requests that wait for the other side. */
  readonly serving = new Map<ServerKey, Serving>()
  /** Re-INVITEs that the process before this one left unanswered, until this one answers. */
  readonly inherited: Open[]
  /** By dialog. */
  readonly refused = new Map<DialogId, Refused>()
  /** In its 2xx, by the process before this one: the caller may go by that. */
  toldBefore: Sdp | undefined
  /** Of the media sessions of a call that ends. */
  reports: readonly MediaReport[] | undefined
  /** What devices say before the store knows of the call (`hear`); undefined from then on. */
  unheard: CallInput[] | undefined = []
  /** Wall clock minus `now`. */
  readonly #clock: number
  /** When changes are proposed that nobody waits for. */
  saveAt: Millis | undefined
  #lastTx = 0
  #lastTag = 0
  #lostUpTo = 0

  constructor(state: CallState, world: CallWorld, inherited: readonly Open[]) {
    this.state = state
    this.inherited = [...inherited]
    this.config = world.config
    this.random = world.random
    this.now = world.now
    this.#clock = world.wall - world.now
    for (const { tx = 0 } of state.attempt?.branches ?? [])
      this.#lastTx = Math.max(this.#lastTx, tx)
  }

  wall(): WallTime {
    return wallTime(Math.round(this.now + this.#clock))
  }

  leg(id: LegId): Leg | undefined {
    return this.state.legs.find((leg) => leg.id === id)
  }

  peerOf(leg: Leg): Leg | undefined {
    return leg.peer === undefined ? undefined : this.leg(leg.peer)
  }

  branch(id: LegId): Branch | undefined {
    return this.state.attempt?.branches.find((branch) => branch.leg === id)
  }

  newLegId(): LegId {
    const id = this.state.nextLeg
    this.state.nextLeg = (id + 1) as LegId
    return id
  }

  /** The call id in front of a tag leads an in-dialog request to its call. */
  newTag(leg: LegId): string {
    return joined(this.state.id, '-', String(leg), this.random.token(7))
  }

  mediaOf(leg: LegId): MediaId {
    return mediaIdOf(this.state.id, leg)
  }

  respond(pending: Pending, status: number, options?: ReplyOptions): void {
    const response = reply(pending.request, status, options)
    this.outputs.push({ kind: 'respond', key: pending.key, response })
  }

  /** Sends a request in the holder's dialog and remembers why. */
  request(
    holder: Holder,
    hop: Hop,
    method: string,
    sent: Sent,
    options?: RequestOptions,
  ): SipRequest {
    const { dialog } = holder
    assert(dialog !== undefined, `${method} outside of a dialog`)
    const built = requestInDialog(dialog, method, options)
    holder.dialog = built.dialog
    this.passed(holder, 'local', built.request)
    this.send(built.request, hop, built.nextHop, sent)
    return built.request
  }

  /** Starts a client transaction. */
  send(request: SipRequest, hop: Hop, nextHop: string, sent: Sent): TxId {
    const tx = ++this.#lastTx as TxId
    this.sent.set(tx, sent)
    this.outputs.push({ kind: 'request', tx, request, hop, nextHop })
    return tx
  }

  /** Goes on with an INVITE that another process sent. */
  resume(branch: Branch, tx: TxId, request: SipRequest, hop: Hop): void {
    this.sent.set(tx, { kind: 'branch', branch: branch.leg })
    this.outputs.push({ kind: 'resume', tx, request, hop, nextHop: branch.target.uri })
  }

  ack(holder: Holder, hop: Hop, inviteCseq: number, options?: RequestOptions): void {
    const { dialog } = holder
    assert(dialog !== undefined, 'ACK outside of a dialog')
    const { request, nextHop } = ackInDialog(dialog, inviteCseq, options)
    // Without the answer it owes it only says that the 2xx came; the BYE is right behind it.
    if (request.body.length > 0 || holder.exchange.offer === undefined)
      this.passed(holder, 'local', request)
    this.outputs.push({ kind: 'ack', request, hop, nextHop })
  }

  /** The client transaction that `wanted` describes, while it waits for its final answer. */
  txOf(wanted: (sent: Sent) => boolean): TxId | undefined {
    for (const [tx, sent] of this.sent) if (wanted(sent)) return tx
    return undefined
  }

  /** Takes a message into account that was sent or received in this dialog's INVITE usage. */
  passed(holder: Holder, by: Side, message: SipMessage): OfferAnswerStep | undefined {
    const carrier = carrierOf(message)
    return carrier && this.exchanged(holder, by, carrier, carriesSdp(message))
  }

  exchanged(holder: Holder, by: Side, carrier: Carrier, sdp: boolean): OfferAnswerStep {
    const step = exchange(holder.exchange, { by, carrier, sdp }, this.random)
    if (step.kind !== 'refused') holder.exchange = step.next
    return step
  }

  /** `sdp` of one leg made over for another. */
  relay(
    kind: 'relay-answer' | 'relay-offer',
    from: MediaId,
    to: Heard,
    sdp: Sdp,
    then: Then,
  ): void {
    const toward = to.hop.address
    const request = { call: this.state.id, from, to: to.media, sdp, toward }
    if (kind === 'relay-answer') this.media({ kind, request }, then)
    else this.media({ kind, request: { ...request, restated: false } }, then)
  }

  /** Media hears once more what both have said; `then` is about what becomes of the answer. */
  relayAgain(offerer: Heard, offer: Sdp, answerer: Heard, answer: Sdp, then: Then): void {
    this.relay('relay-offer', offerer.media, answerer, offer, { kind: 'nothing' })
    this.relay('relay-answer', answerer.media, offerer, answer, then)
  }

  media(op: MediaOp, then: Then): void {
    const tag = this.ask(then)
    if (this.config.anchor) this.outputs.push({ kind: 'media', tag, op })
    else this.inbox.push({ kind: 'media', tag, result: localMedia(op, this.state.legs) })
  }

  release(media: readonly MediaId[], then: Then): void {
    const tag = this.ask(then)
    if (this.config.anchor && media.length > 0) this.outputs.push({ kind: 'release', tag, media })
    else this.inbox.push({ kind: 'reports', tag, reports: [] })
  }

  /** Proposes the snapshot; `then` goes on when it is committed. */
  save(then: Then | undefined): void {
    this.saveAt = undefined
    const tag = then === undefined ? undefined : this.ask(then)
    this.outputs.push({ kind: 'save', tag })
  }

  /** What changes while phones ring is proposed once, a moment later; nobody waits for it. */
  saveSoon(): void {
    this.#saveWithin(SOON)
  }

  /** What a successor can do without, so that calls that are soon over need no commit for it. */
  saveLater(): void {
    this.#saveWithin(LATER)
  }

  #saveWithin(delay: Millis): void {
    if (this.state.phase === 'ending' || this.state.phase === 'ended') return
    const at = after(this.now, delay)
    if (this.saveAt === undefined || at < this.saveAt) this.saveAt = at
  }

  /** Remembers how to go on when the question with this tag is answered. */
  ask(then: Then): Tag {
    const tag = ++this.#lastTag as Tag
    this.asked.set(tag, then)
    return tag
  }

  /** What media was asked until now was of sessions that are lost. */
  loseAnswers(): void {
    this.#lostUpTo = this.#lastTag
  }

  /** It may say something of sessions that phones are not told of any more. */
  isOfLost(tag: Tag): boolean {
    return tag <= this.#lostUpTo
  }

  /** What the question was about; undefined when it was answered or given up. */
  answered(tag: Tag): Then | undefined {
    const then = this.asked.get(tag)
    this.asked.delete(tag)
    return then
  }

  /** The store knows of the call, or need not any more: what devices said meanwhile counts now. */
  hear(): void {
    this.inbox.push(...(this.unheard ?? []))
    this.unheard = undefined
  }

  /** A question of this kind has no answer yet. */
  awaits(kind: Then['kind']): boolean {
    for (const then of this.asked.values()) if (then.kind === kind) return true
    return false
  }

  changed(leg: LegId): void {
    this.outputs.push({ kind: 'changed', leg })
  }
}

/** Whoever answers sooner has saved the proposal. */
const SOON = millis(100)
const LATER = millis(5_000)

export function mediaIdOf(call: CallId, leg: LegId): MediaId {
  return joined(call, '-', String(leg)) as MediaId
}

export type CallWorld = {
  readonly config: CallConfig
  readonly random: Random
  readonly now: Millis
  readonly wall: WallTime
}

export type { MediaResult }
