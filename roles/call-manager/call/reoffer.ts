//! re-INVITE and UPDATE: hold in its forms, codec changes, session refreshes, delayed re-offers.
//! The offer goes to the other side, its answer comes back; what cannot be passed on at this moment
//! is refused with 491 (glare, RFC 3261 §14.2) and tried again by whoever sent it.
//!
//!   offer --media--> re-INVITE/UPDATE to the other side --2xx--> ACK, media --commit--> 2xx
//!   no offer ------> re-INVITE without SDP --2xx: offer--> media --commit--> 2xx --ACK: answer-->
//!                                                                          media --> ACK

import type { Sdp } from '../../../src/control/media-control.ts'
import { awaitAck } from '../../../src/sip/dialog/ack-2xx.ts'
import { refreshTarget } from '../../../src/sip/dialog/dialog.ts'
import { maySend } from '../../../src/sip/dialog/offer-answer.ts'
import {
  judgeSessionTimer,
  sessionTimerFrom2xx,
  sessionTimerOffer,
  type HeaderFields,
} from '../../../src/sip/dialog/session-timer.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { reply, type ReplyOptions } from '../../../src/sip/message/reply.ts'
import { cseq } from '../../../src/sip/message/views.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import { ALLOW, objectionTo, SUPPORTED, timerPolicy } from './admission.ts'
import { answerAlone } from './acked.ts'
import { answerReady } from './answer.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { endpointOf, oppositeOf, tell, type Endpoint } from './endpoint.ts'
import { isBusy, isJoining } from './join.ts'
import { acknowledge, isOwedAnswer, owesUsAck } from './leg.ts'
import { isGone } from './media-loss.ts'
import type { Sent, Serving } from './pending.ts'
import { openOf, rememberRefused } from './open.ts'
import { isAwaited, isLost } from './reach.ts'
import { refusalOf } from './refusal.ts'
import { isHold, sdpBody, sdpOf } from './sdp.ts'
import { answerServiceAgain } from './service.ts'
import { patience } from './patience.ts'
import { lost, startTimer } from './session.ts'
import type { Granted, Leg, Pending } from './state.ts'
import { answerBefore } from './takeover.ts'

type Relayed = Sent & { readonly kind: 'relayed' }

export function onReoffer(call: Call, end: Endpoint, pending: Pending): void {
  const { request, key } = pending
  const objection = objectionTo(request, call.config, '')
  if (objection !== undefined)
    return void call.outputs.push({ kind: 'respond', key, response: objection })
  const step = call.passed(end.holder, 'remote', request)
  if (step?.kind === 'refused') return refuseStep(call, pending, step)
  const sdp = sdpOf(request)
  const granted = grant(call, end, pending)
  if (request.method === 'UPDATE' && sdp === undefined)
    return answerRefresh(call, end, pending, granted)
  const { dialog } = end.holder
  if (dialog === undefined) return
  const other = oppositeOf(call, end)
  const serving: Serving = {
    ...pending,
    from: dialog.id,
    to: other?.holder.dialog?.id,
    sdp,
    granted,
  }
  if (other === undefined && end.kind === 'leg' && end.leg.service !== undefined)
    return answerServiceAgain(call, end.leg, serving)
  relayOffer(call, end, other, serving)
}

function refuseStep(
  call: Call,
  pending: Pending,
  step: { readonly status: number; readonly retryAfter: number | undefined },
): void {
  const headers =
    step.retryAfter === undefined ? [] : ([['retry-after', String(step.retryAfter)]] as const)
  call.respond(pending, step.status, { headers })
}

function grant(call: Call, end: Endpoint, { request }: Pending): Granted {
  const terms = end.kind === 'leg' ? end.leg.timer : undefined
  const verdict = judgeSessionTimer(timerPolicy(call.config), request, terms)
  return verdict.kind === 'run' ? verdict : { headers: [], terms: undefined }
}

/** Nothing to negotiate: the session timer's refresh, or a new Contact. */
function answerRefresh(call: Call, end: Endpoint, pending: Pending, granted: Granted): void {
  const { dialog } = end.holder
  const contact = ['contact', dialog?.localTarget ?? ''] as const
  respondIn(call, end, pending, 200, { headers: [contact, ...granted.headers] })
  if (end.kind !== 'leg') return
  startTimer(call, end.leg, granted.terms)
  // A successor goes on from the deadline of the last refresh.
  if (granted.terms !== undefined) call.saveSoon()
}

/** Starts to serve: the offer is made over for the other side, if it can take one now. */
export function relayOffer(
  call: Call,
  end: Endpoint,
  other: Endpoint | undefined,
  serving: Serving,
): void {
  if (other === undefined || isJoining(call)) return refuseOffer(call, end, serving, 491)
  const method = methodTowards(other, serving)
  if (method === undefined) return refuseOffer(call, end, serving, 488)
  if (!mayOffer(other, method, serving.sdp !== undefined))
    return refuseOffer(call, end, serving, 491)
  call.serving.set(serving.key, serving)
  if (serving.request.method === 'INVITE')
    call.save({ kind: 'reoffer-saved', serving: serving.key })
  if (serving.sdp === undefined) return sendOn(call, other, serving, undefined)
  const then = { kind: 'reoffer', serving: serving.key } as const
  call.relay('relay-offer', end.media, other, serving.sdp, then)
}

/** A successor would answer it: whoever sent it may wait now, and can send no other before. */
export function reofferSaved(call: Call, key: ServerKey, committed: boolean): void {
  const serving = call.serving.get(key)
  if (committed && serving !== undefined && !isFirst(call, serving)) call.respond(serving, 100)
}

/** Undefined: the other side rings and knows no UPDATE, so it cannot be asked. */
function methodTowards(other: Endpoint, { request }: Serving): 'INVITE' | 'UPDATE' | undefined {
  if (other.kind === 'leg' && request.method === 'INVITE') return 'INVITE'
  if (other.canUpdate) return 'UPDATE'
  return other.kind === 'leg' ? 'INVITE' : undefined
}

/** RFC 6141 §4: nothing to who has not acknowledged our 2xx, and perhaps never had it. */
function mayOffer(other: Endpoint, method: 'INVITE' | 'UPDATE', sdp: boolean): boolean {
  const waits = other.kind === 'leg' && owesUsAck(other.leg)
  return !waits && maySend(other.holder.exchange, method, sdp)
}

export function reofferReady(call: Call, key: ServerKey, result: MediaResult): void {
  const serving = call.serving.get(key)
  const other = serving?.to === undefined ? undefined : endpointOf(call, serving.to)
  if (serving === undefined || other === undefined) return
  if (isGone(result)) return serveAgain(call, serving)
  if (!result.ok) return refuseServing(call, serving, 488)
  const method = methodTowards(other, serving)
  // Something else may have been sent to the other side while media was busy.
  if (method === undefined || !mayOffer(other, method, true))
    return refuseServing(call, serving, 491)
  sendOn(call, other, serving, result.value)
}

function sendOn(call: Call, other: Endpoint, serving: Serving, sdp: Sdp | undefined): void {
  const method = methodTowards(other, serving) ?? 'UPDATE'
  const { dialog } = other.holder
  if (dialog === undefined) return
  const timer = other.kind === 'leg' ? other.leg.timer : undefined
  tell(other, sdp)
  const sent: Relayed = {
    kind: 'relayed',
    serving: serving.key,
    to: dialog.id,
    request: undefined,
    until: patience(call),
  }
  sent.request = call.request(other.holder, other.hop, method, sent, {
    headers: [
      ['allow', ALLOW],
      ['supported', SUPPORTED],
      ...(other.kind === 'leg' ? sessionTimerOffer(timerPolicy(call.config), timer) : []),
    ],
    ...sdpBody(sdp),
  })
}

/** The other side's final answer, or none. */
export function reofferAnswered(
  call: Call,
  sent: Relayed,
  response: SipResponse | undefined,
): void {
  const other = endpointOf(call, sent.to)
  const serving = call.serving.get(sent.serving)
  if (other === undefined) return
  if (response === undefined || response.status >= 300) {
    const method = sent.request?.method === 'UPDATE' ? 'UPDATE failed' : 'INVITE failed'
    call.exchanged(other.holder, 'remote', method, false)
    return reofferRefused(call, other, serving, response)
  }
  const step = call.passed(other.holder, 'remote', response)
  const sdp = sdpOf(response)
  if (other.kind === 'leg') settleLeg(call, other.leg, sent, response)
  const offer = step?.kind === 'taken' && step.meaning === 'offer'
  if (sdp !== undefined) heardOf(other, sdp)
  if (serving === undefined) return settleUnserved(call, other)
  if (other.kind === 'leg' && other.leg.owesAck && !offer) acknowledge(call, other.leg, undefined)
  if (step?.kind !== 'taken' || sdp === undefined)
    return finish(call, refusalOf(500, 'a re-offer was answered without a description'))
  const from = endpointOf(call, serving.from)
  if (from === undefined) return
  const then = { kind: 'reanswer', serving: serving.key } as const
  call.relay(offer ? 'relay-offer' : 'relay-answer', other.media, from, sdp, then)
}

/** Whoever asked has left, or was refused meanwhile: media knows nothing of what was agreed. */
function settleUnserved(call: Call, other: Endpoint): void {
  if (other.kind !== 'leg') return
  const { leg } = other
  if (leg.state === 'up') leg.outdated = true
  if (leg.owesAck && (leg.state !== 'up' || leg.exchange.offer === undefined))
    acknowledge(call, leg, undefined)
  else if (leg.owesAck) answerAlone(call, leg)
}

function heardOf(other: Endpoint, sdp: Sdp): void {
  if (other.kind === 'leg') other.leg.sdp = sdp
  else if (other.kind === 'early') other.early.sdp = sdp
}

function settleLeg(call: Call, leg: Leg, { request }: Relayed, response: SipResponse): void {
  if (leg.dialog !== undefined) leg.dialog = refreshTarget(leg.dialog, response)
  if (request === undefined) return
  if (request.method === 'INVITE') {
    leg.invitedCseq = cseq(response)?.number ?? leg.invitedCseq
    leg.owesAck = true
  }
  startTimer(call, leg, sessionTimerFrom2xx(timerPolicy(call.config), request, response))
}

function reofferRefused(
  call: Call,
  other: Endpoint,
  serving: Serving | undefined,
  response: SipResponse | undefined,
): void {
  const said = response?.status ?? 408
  // Its sender keeps the session, and asks again: to a 408 it would hang up (RFC 3261 §14.1).
  const isAway = other.kind === 'leg' && isAwaited(call, other.leg, said)
  const status = isAway || isBusy(response) ? 491 : said
  if (serving !== undefined) refuseServing(call, serving, PASSABLE.has(status) ? status : 488)
  const isUp = other.kind === 'leg' && other.leg.state === 'up'
  if (isLost(status) && isUp) lost(call, other.leg, status)
}

const PASSABLE: ReadonlySet<number> = new Set([486, 487, 488, 491, 500, 503, 504, 603, 606])

/** Nothing has changed: media takes the offer back, and whoever made it is told. */
function refuseServing(call: Call, serving: Serving, status: number): void {
  call.serving.delete(serving.key)
  const from = endpointOf(call, serving.from)
  const to = serving.to === undefined ? undefined : endpointOf(call, serving.to)
  if (from === undefined) return
  if (to !== undefined && serving.sdp !== undefined) {
    const request = { call: call.state.id, from: from.media, to: to.media }
    call.media({ kind: 'withdraw', request }, { kind: 'nothing' })
  }
  if (to?.kind === 'leg' && isOwedAnswer(to.leg)) answerAlone(call, to.leg)
  refuseOffer(call, from, serving, status)
}

/** Something came between them: who is answered already is not refused, the others try again. */
export function refuseServed(call: Call): void {
  for (const serving of call.serving.values()) {
    const from = endpointOf(call, serving.from)
    if (from?.kind === 'leg' && serving.agreed === undefined) refuseServing(call, serving, 491)
  }
}

/** It has left, and the call goes on: what it asked, or was asked, comes to nothing. */
export function forsake(call: Call, gone: Leg): void {
  const { id, dialog } = gone
  if (gone.owesAck) acknowledge(call, gone, undefined)
  for (const serving of call.serving.values())
    if (serving.from === dialog?.id) refuseServing(call, serving, 487)
    else if (serving.to === dialog?.id) refuseServing(call, serving, 491)
  for (const leg of call.state.legs)
    if (leg.peer === id && isOwedAnswer(leg)) answerAlone(call, leg)
}

/** Who stays has nobody else any more: where two offers met, it is not left, but asked again. */
function refuseFirst(call: Call, from: Endpoint, status: number): void {
  const peer = from.kind === 'face' ? call.peerOf(from.leg) : undefined
  if (status === 491 && peer?.state === 'up') answerBefore(call, peer)
  else finish(call, refusalOf(status))
}

/** Media is lost over this one. A first INVITE begins again, any other is for its sender to. */
function serveAgain(call: Call, serving: Serving): void {
  const from = endpointOf(call, serving.from)
  const to = serving.to === undefined ? undefined : endpointOf(call, serving.to)
  if (!isFirst(call, serving)) return refuseServing(call, serving, 491)
  if (from === undefined || to?.kind !== 'leg' || to.leg.outdated !== true)
    return refuseServing(call, serving, 503)
  call.serving.delete(serving.key)
  to.leg.outdated = false
  relayOffer(call, from, to, serving)
}

function refuseOffer(call: Call, from: Endpoint, pending: Pending, status: number): void {
  if (isFirst(call, pending)) return refuseFirst(call, from, status)
  respondIn(call, from, pending, status)
  rememberRefused(call, pending)
}

export function reanswerReady(call: Call, key: ServerKey, result: MediaResult): void {
  const serving = call.serving.get(key)
  if (serving === undefined) return
  const from = endpointOf(call, serving.from)
  if (from === undefined) return
  if (isGone(result)) return serveAgain(call, serving)
  if (!result.ok) return finish(call, refusalOf(488, 'media could not follow a re-offer'))
  const sdp = result.value
  if (from.kind === 'face' && isFirst(call, serving)) {
    call.serving.delete(key)
    const leg = from.leg.peer ?? from.leg.id
    return answerReady(call, { leg, face: from.face.tag }, sdp)
  }
  if (from.kind !== 'leg') return completeServing(call, key, sdp)
  if (serving.sdp !== undefined) {
    from.leg.sdp = serving.sdp
    from.leg.held = isHold(serving.sdp)
  }
  if (sdp !== undefined)
    call.serving.set(key, { ...serving, agreed: { sdp, granted: serving.granted } })
  call.save({ kind: 'reanswer-saved', serving: key, sdp })
}

/** The INVITE of somebody who takes a place in the call (Replaces): answered like any first one. */
function isFirst(call: Call, { key }: Pending): boolean {
  return call.state.invite?.key === key
}

/** Committed: the 2xx goes back. */
export function completeServing(call: Call, key: ServerKey, sdp: Sdp | undefined): void {
  const serving = call.serving.get(key)
  call.serving.delete(key)
  const from = serving && endpointOf(call, serving.from)
  if (serving === undefined || from?.holder.dialog === undefined) return
  const { request, source, granted } = serving
  const headers = reanswerHeaders(from.holder.dialog.localTarget, granted)
  tell(from, sdp)
  const response = respondIn(call, from, serving, 200, { headers, ...sdpBody(sdp) })
  if (from.kind !== 'leg') return
  const { leg } = from
  startTimer(call, leg, granted.terms)
  call.changed(leg.id)
  if (request.method !== 'INVITE') return
  leg.accepted = {
    request,
    source,
    response,
    of: 're-offer',
    waiting: awaitAck(cseq(request)?.number ?? 0, call.now),
    owesAnswerTo: leg.exchange.offer === undefined ? undefined : leg.peer,
    open: openOf(serving),
  }
}

export function reanswerHeaders(contact: string, { headers }: Granted): HeaderFields {
  return [['contact', contact], ['allow', ALLOW], ['supported', SUPPORTED], ...headers]
}

/** Answers a request of the INVITE usage, and counts the answer in. */
export function respondIn(
  call: Call,
  end: Endpoint,
  pending: Pending,
  status: number,
  options: ReplyOptions = {},
): SipResponse {
  const response = reply(pending.request, status, options)
  call.passed(end.holder, 'local', response)
  call.outputs.push({ kind: 'respond', key: pending.key, response })
  return response
}
