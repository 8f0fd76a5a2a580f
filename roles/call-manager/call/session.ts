//! Is the other end still there? Session timers (RFC 4028), each leg for itself; a leg without one
//! is asked by OPTIONS now and then.

import { after, millis } from '../../../src/base/time.ts'
import type { MediaId } from '../../../src/control/media-control.ts'
import { refreshTarget } from '../../../src/sip/dialog/dialog.ts'
import { maySend } from '../../../src/sip/dialog/offer-answer.ts'
import {
  policyAfter422,
  retryRefresh,
  sessionTimerFrom2xx,
  sessionTimerOffer,
  startSessionTimer,
  wakeSessionTimer,
  type SessionTerms,
  type SessionTimer,
} from '../../../src/sip/dialog/session-timer.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { cseq } from '../../../src/sip/message/views.ts'
import { repeat2xx } from './acked.ts'
import { SUPPORTED, timerPolicy } from './admission.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { isJoining } from './join.ts'
import { acknowledge, afterGlare, gone, owesUsAck, reinvite, releaseEarly, sendBye } from './leg.ts'
import type { Sent } from './pending.ts'
import { patience } from './patience.ts'
import { awaitedUntil, isAwaited, isLost, triedAgainAt } from './reach.ts'
import { refusalOf } from './refusal.ts'
import { sdpOf } from './sdp.ts'
import { sayHere } from './service.ts'
import type { Leg, LegId } from './state.ts'
import { goesOnWithout } from './transfer.ts'

type Refresh = Sent & { readonly kind: 'refresh' }

/** From a 2xx that settled the terms, or settled that there are none. */
export function startTimer(call: Call, leg: Leg, terms: SessionTerms | undefined): void {
  // It may have hung up while its re-INVITE was being answered.
  if (leg.state !== 'up') return
  leg.timer = terms && whileAwaited(leg, startSessionTimer(terms, call.now))
  leg.probeAt = terms === undefined ? nextProbe(call) : undefined
}

/** Who is on its way back can neither refresh nor be asked to. */
export function whileAwaited({ awaitedUntil: until }: Leg, timer: SessionTimer): SessionTimer {
  return { ...timer, expireAt: millis(Math.max(timer.expireAt, until ?? 0)) }
}

function nextProbe(call: Call): ReturnType<typeof after> {
  return after(call.now, millis(call.config.sessionExpires * 500))
}

/** Carries out what is due on this leg. */
export function wakeLeg(call: Call, leg: Leg): void {
  if (leg.accepted !== undefined) repeat2xx(call, leg)
  if (leg.byeAgain !== undefined && call.now >= leg.byeAgain.at)
    sendBye(call, leg, leg.byeAgain.reason)
  if (leg.state !== 'up') return
  if (leg.timer !== undefined) {
    const { next, output } = wakeSessionTimer(leg.timer, call.now)
    leg.timer = next
    if (output?.kind === 'expired') return lost(call, leg, 408, 'session expired')
    if (output?.kind === 'refresh') refresh(call, leg)
  }
  if (leg.probeAt !== undefined && call.now >= leg.probeAt) probe(call, leg)
}

function probe(call: Call, leg: Leg): void {
  leg.probeAt = undefined
  const asked = call.txOf((sent) => sent.kind === 'probe' && sent.leg === leg.id)
  if (asked === undefined) call.request(leg, leg.hop, 'OPTIONS', { kind: 'probe', leg: leg.id })
}

/** Media hears nothing of this leg any more; who holds is meant to be silent. */
export function probeSilent(call: Call, media: MediaId): void {
  const leg = call.state.legs.find((each) => each.media === media)
  if (leg?.state === 'up' && !leg.held && call.peerOf(leg)?.held !== true) probe(call, leg)
}

/** UPDATE changes nothing but the timer; who does not know it gets the same offer again. */
function refresh(call: Call, leg: Leg): void {
  const { timer } = leg
  if (timer === undefined) return
  if (leg.canUpdate && maySend(leg.exchange, 'UPDATE', false)) {
    const headers = [
      ...sessionTimerOffer(timerPolicy(call.config), timer),
      ['supported', SUPPORTED],
    ] as const
    const sent: Refresh = { ...refreshing(leg), until: undefined }
    sent.request = call.request(leg, leg.hop, 'UPDATE', sent, { headers })
    return
  }
  const waits = owesUsAck(leg) || !maySend(leg.exchange, 'INVITE', true)
  if (waits || isJoining(call) || call.awaits('transfer-answer') || !askAgain(call, leg))
    retrySoon(call, leg)
}

/** False when nobody has anything to offer it now. */
function askAgain(call: Call, leg: Leg): boolean {
  const peer = call.peerOf(leg)
  const then = { kind: 'refresh-offer', leg: leg.id } as const
  if (isHeardAlone(call, leg) && leg.sdp !== undefined) sayHere(call, leg, leg.sdp, then)
  else if (peer?.sdp !== undefined) call.relay('relay-offer', peer.media, leg, peer.sdp, then)
  else return false
  return true
}

/** A service is its other end, or its peer has left and another one is called for it. */
function isHeardAlone(call: Call, leg: Leg): boolean {
  if (!call.config.anchor) return false
  return leg.service !== undefined || call.peerOf(leg)?.released === true
}

export function refreshOfferReady(call: Call, id: LegId, result: MediaResult): void {
  const leg = call.leg(id)
  if (leg?.timer === undefined || leg.state !== 'up') return
  if (!result.ok || !maySend(leg.exchange, 'INVITE', true)) return retrySoon(call, leg)
  const sent: Refresh = { ...refreshing(leg), until: patience(call) }
  sent.request = reinvite(call, leg, result.value, sent)
}

function refreshing(leg: Leg): Omit<Refresh, 'until'> {
  return { kind: 'refresh', leg: leg.id, request: undefined }
}

function retrySoon(call: Call, leg: Leg): void {
  if (leg.timer === undefined) return
  leg.timer = retryRefresh(leg.timer, afterGlare(call, leg))
}

export function refreshAnswered(
  call: Call,
  { leg: id, request }: Refresh,
  response: SipResponse | undefined,
): void {
  const leg = call.leg(id)
  if (leg === undefined || request === undefined) return
  const status = response?.status ?? 408
  if (response !== undefined && status < 300) return refreshed(call, leg, request, response)
  call.exchanged(
    leg,
    'remote',
    request.method === 'INVITE' ? 'INVITE failed' : 'UPDATE failed',
    false,
  )
  if (leg.state !== 'up' || leg.timer === undefined) return
  if (isAwaited(call, leg, status)) {
    leg.timer = retryRefresh(leg.timer, triedAgainAt(call, leg))
    return
  }
  if (isLost(status)) return lost(call, leg, status)
  if (response !== undefined && status === 422) {
    const policy = policyAfter422({ ...timerPolicy(call.config), minSe: leg.timer.minSe }, response)
    if (policy !== undefined) leg.timer = { ...leg.timer, minSe: policy.minSe }
  } else if (request.method === 'UPDATE' && status !== 491 && status < 500) leg.canUpdate = false
  else if (status === 405 || status === 501) leg.canUpdate = false
  retrySoon(call, leg)
}

function refreshed(
  call: Call,
  leg: Leg,
  request: NonNullable<Refresh['request']>,
  response: SipResponse,
): void {
  call.passed(leg, 'remote', response)
  if (leg.dialog !== undefined) leg.dialog = refreshTarget(leg.dialog, response)
  if (request.method === 'INVITE') {
    leg.invitedCseq = cseq(response)?.number ?? leg.invitedCseq
    acknowledge(call, leg, undefined)
    relayUnchanged(call, leg, response)
  }
  if (leg.state !== 'up') return
  startTimer(call, leg, sessionTimerFrom2xx(timerPolicy(call.config), request, response))
  call.saveSoon()
}

/** Media hears the answer; the other side, to whom nothing changed, does not. */
function relayUnchanged(call: Call, leg: Leg, response: SipResponse): void {
  const sdp = sdpOf(response)
  const peer = call.peerOf(leg)
  if (sdp === undefined) return
  leg.sdp = sdp
  if (isHeardAlone(call, leg)) sayHere(call, leg, sdp, { kind: 'nothing' })
  else if (peer !== undefined) call.relay('relay-answer', leg.media, peer, sdp, { kind: 'nothing' })
}

/** Any answer but "no such dialog" says that somebody is there. */
export function probeAnswered(call: Call, id: LegId, status: number): void {
  const leg = call.leg(id)
  if (leg === undefined || leg.state !== 'up') return
  const stays = isAwaited(call, leg, status)
  if (isLost(status) && !stays) return lost(call, leg, status)
  if (stays) leg.probeAt = millis(Math.max(awaitedUntil(call, leg), triedAgainAt(call, leg)))
  else if (leg.timer === undefined) leg.probeAt = nextProbe(call)
}

/** Unless it had only transferred the other one, nobody has anybody to talk to. */
export function lost(call: Call, leg: Leg, status: number, cause = 'lost'): void {
  if (status === 481) gone(call, leg)
  if (!goesOnWithout(call, leg)) finish(call, refusalOf(status, cause))
}

type Bye = Sent & { readonly kind: 'bye' }

/** Or nobody is there to answer it: who may be on its way back is told then. */
export function byeAnswered(call: Call, { leg: id, reason }: Bye, status: number): void {
  const leg = call.leg(id)
  if (leg?.state !== 'leaving') return
  if (isAwaited(call, leg, status)) leg.byeAgain = { at: triedAgainAt(call, leg), reason }
  else gone(call, leg)
  releaseEarly(call, leg)
}
