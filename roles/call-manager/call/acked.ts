//! Our 2xx, repeated until its ACK (RFC 3261 §13.3.1.4). After a delayed offer that brings the
//! answer, for which the other side's 2xx still waits to be acknowledged.
//!
//! An ACK cannot be challenged (RFC 3261 §22.1), and one from elsewhere may be right: a proxy that
//! wrote no Record-Route passed the INVITE on, the ACK came straight. So it ends the repeating of
//! our 2xx, but no answer is taken from it.

import { millis } from '../../../src/base/time.ts'
import { awaitAck, isAckFor, wakeAck2xx } from '../../../src/sip/dialog/ack-2xx.ts'
import { NO_EXCHANGE } from '../../../src/sip/dialog/offer-answer.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { cseq } from '../../../src/sip/message/views.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { legOf } from './endpoint.ts'
import { REPEATED } from './face.ts'
import { isFromElsewhere } from './hop.ts'
import { connect, isJoining, loseJoin, offerJoin, renew } from './join.ts'
import { acknowledge, isOwedAnswer, sendBye } from './leg.ts'
import { isGone } from './media-loss.ts'
import type { Then } from './pending.ts'
import { connectionLost, heardFrom } from './reach.ts'
import { refusalOf } from './refusal.ts'
import { sdpOf } from './sdp.ts'
import { sayHere } from './service.ts'
import { lost } from './session.ts'
import type { Leg, LegId } from './state.ts'
import { goesOnWithout } from './transfer.ts'

type LateAnswer = Then & { readonly kind: 'late-answer' }

export function onAck(call: Call, request: SipRequest, source: Source): void {
  const leg = legOf(call, request)
  const { accepted } = leg ?? {}
  if (leg === undefined || accepted === undefined) return
  if (!isAckFor(accepted.waiting, cseq(request)?.number ?? 0)) return
  if (accepted.owesAnswerTo !== undefined && isFromElsewhere(leg.hop, source)) return
  leg.accepted = undefined
  heardFrom(leg)
  if (accepted.isPresumed === true) return call.saveLater()
  // A successor would say its 2xx again, and need the answer.
  if (accepted.of === 're-offer' || accepted.owesAnswerTo !== undefined) call.saveSoon()
  else call.saveLater()
  const step = call.passed(leg, 'remote', request)
  if (leg.byeReason !== undefined) return sendBye(call, leg, leg.byeReason)
  if (leg.state !== 'up') return
  const { join } = call.state
  if (join?.retryAt !== undefined) offerJoin(call, join)
  if (accepted.owesAnswerTo === undefined) return
  const peer = call.leg(accepted.owesAnswerTo)
  const sdp = sdpOf(request)
  if (step?.kind === 'broken' || sdp === undefined)
    return finish(call, refusalOf(488, 'the ACK holds no answer'))
  leg.sdp = sdp
  const { anchor } = call.config
  // Who it was for has left, or is about to, by a transfer; or media has answered that one.
  const isLate = peer?.state !== 'up' || !isOwedAnswer(peer) || (anchor && peer.peer !== leg.id)
  if (isLate) return void (leg.outdated = true)
  // Media has made another offer of theirs by now, to which this is no answer.
  if (anchor && join !== undefined) return answerAlone(call, peer)
  call.relay('relay-answer', leg.media, peer, sdp, { kind: 'late-answer', leg: peer.id })
}

/**
 * Until it is acknowledged. Who may be on its way back has perhaps not had it yet; but what the
 * process before this one said it has had, most likely: nothing more waits for that ACK.
 */
export function repeat2xx(call: Call, leg: Leg): void {
  const { accepted, state, byeReason } = leg
  if (accepted === undefined) return
  const { request, source, response, waiting, of } = accepted
  const step = wakeAck2xx(waiting, call.now)
  if (step.kind === 'repeat') {
    const again = { request, source, response, hop: leg.hop, leg: leg.id }
    call.outputs.push({ kind: 'answer-again', ...again })
  }
  if (step.kind !== 'gave-up') {
    accepted.waiting = step.next
    return
  }
  const left = millis((leg.awaitedUntil ?? 0) - call.now)
  const mayBeAway = (state === 'up' || state === 'leaving') && left > 0
  const isPresumed = mayBeAway && of === 'inherited' && accepted.isUnsaid !== true
  const isAway = mayBeAway && !isPresumed
  const again = awaitAck(waiting.inviteCseq, call.now, millis(Math.min(left, HOPE)))
  // Where media has no answer there is but the one to come.
  const owesAnswerTo = call.config.anchor || isPresumed ? undefined : accepted.owesAnswerTo
  leg.accepted = mayBeAway ? { ...accepted, owesAnswerTo, isPresumed, waiting: again } : undefined
  if (byeReason !== undefined) return sendBye(call, leg, byeReason)
  if (state !== 'up') return
  if (accepted.isPresumed === true) return mayBeAway ? undefined : call.saveLater()
  if (!isAway && of !== 'inherited') return lost(call, leg, 408, 'no ACK')
  call.saveLater()
  if (leg.exchange.offer?.in === 'INVITE 2xx')
    answerMissing(call, leg, accepted.owesAnswerTo, isAway)
}

/** Who had no connection is waited for from when it has one again. */
export function onAnsweredAgain(call: Call, id: LegId, isSent: boolean): void {
  const leg = call.leg(id)
  const accepted = leg?.accepted
  if (leg === undefined || accepted === undefined) return
  const wasUnsaid = accepted.isUnsaid === true
  accepted.isUnsaid = !isSent
  if (!isSent) return connectionLost(call, leg)
  if (!wasUnsaid) return
  const patience = accepted.of === 'inherited' ? REPEATED : HOPE
  accepted.waiting = awaitAck(accepted.waiting.inviteCseq, call.now, patience)
}

/** It has answered another process, or answers too late: both are told anew. */
function answerMissing(call: Call, leg: Leg, to: LegId | undefined, isAway: boolean): void {
  leg.outdated = true
  if (!isAway) leg.exchange = { ...NO_EXCHANGE, settled: true }
  const peer = to === undefined ? undefined : call.leg(to)
  if (peer === undefined || !isOwedAnswer(peer)) return
  if (call.config.anchor) answerAlone(call, peer)
  else if (!isAway && peer.peer === leg.id) connect(call, leg, peer)
}

/** The answer is made over: the other side's 2xx gets its ACK. */
export function lateAnswerReady(call: Call, then: LateAnswer, result: MediaResult): void {
  const leg = call.leg(then.leg)
  if (leg === undefined || !leg.owesAck) return
  if (isGone(result) && then.again !== true) {
    if (!answerLateAnew(call, leg)) answerAlone(call, leg, true)
    return
  }
  if (!result.ok && goesOnWithout(call, leg)) return
  // It is answered before it is offered anything.
  if (isGone(result) && isJoining(call)) return
  if (!result.ok) return finish(call, refusalOf(488, 'media could not follow'))
  acknowledge(call, leg, result.value)
  const peer = call.peerOf(leg)
  // They may have heard another process, of sessions that are no more.
  if (leg.outdated === true && peer?.state === 'up' && !isJoining(call)) renew(call, peer, leg)
}

/**
 * Nobody waits for the offer in its 2xx any more, and its ACK must have an answer (RFC 3261
 * §13.2.2.4): media gives one, with nothing to hear, until it is told of who it talks to.
 */
export function answerAlone(call: Call, leg: Leg, again = false): void {
  const { sdp } = leg
  if (sdp === undefined) return
  leg.outdated = true
  const then = { kind: 'late-answer', leg: leg.id, again } as const
  const peer = call.peerOf(leg)
  if (!call.config.anchor && peer?.sdp !== undefined)
    return call.relay('relay-answer', peer.media, leg, peer.sdp, then)
  // Media forgets what it was about to be offered.
  const { join } = call.state
  if (join?.leg === leg.id) loseJoin(call, join)
  sayHere(call, leg, sdp, then)
}

/** Media hears once more what both have said. False when nobody knows what the answer was. */
export function answerLateAnew(call: Call, leg: Leg): boolean {
  const peer = call.peerOf(leg)
  if (leg.sdp === undefined) return false
  if (peer?.state !== 'up') {
    answerAlone(call, leg, true)
    return true
  }
  if (peer.sdp === undefined) return false
  const then = { kind: 'late-answer', leg: leg.id, again: true } as const
  call.relayAgain(leg, leg.sdp, peer, peer.sdp, then)
  return true
}
