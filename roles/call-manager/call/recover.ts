//! What a successor does with a call that another process did not live to end. Who talks goes on
//! talking, what rings goes on ringing, with media sessions made anew where they died too; that is
//! known, and committed, before (`outdated`). What cannot be gone on with ends with its record.
//!
//!   ringing ----> transactions go on (`inherit.ts`); who answers is connected as always
//!   answered ---> the caller's 2xx may have been lost: answered once more
//!   taken ------> who came from another call may be asked still: the caller is answered first
//!   talking ----> media: offer for b --> re-INVITE b --2xx--> re-INVITE a --2xx--> as before
//!   echo -------> media: answer --> re-INVITE
//!   transfer ---> the target goes on ringing, the transferor hears how far it is
//!      +-- nobody talks or rings, or a phone is gone --> finish

import { millis } from '../../../src/base/time.ts'
import { resumeDialog } from '../../../src/sip/dialog/dialog.ts'
import { NO_EXCHANGE } from '../../../src/sip/dialog/offer-answer.ts'
import { answerAlone, answerLateAnew } from './acked.ts'
import { answerAnew, answerReady } from './answer.ts'
import type { Call } from './call.ts'
import { endAgain, finish } from './end.ts'
import { openDialog, someFace } from './face.ts'
import { isDecided } from './fork.ts'
import { inheritAttempt, ringAgain } from './inherit.ts'
import type { CallInput } from './io.ts'
import { renewMedia, talking } from './join.ts'
import { acknowledge, isOwedAnswer, join, leave, sendBye } from './leg.ts'
import { awaitAnew, reachedUntil } from './reach.ts'
import { answerOpen, mayBeAnswered, refuseOpen } from './open.ts'
import { refusalOf } from './refusal.ts'
import { answerAsService, serviceOf } from './service.ts'
import { startTimer, whileAwaited } from './session.ts'
import { CALLER, type Answering, type Face, type Leg } from './state.ts'
import { answerBefore, answerHere, awaitPicker } from './takeover.ts'
import { goOn } from './transfer.ts'

type Resumed = CallInput & { readonly kind: 'resumed' }

export function recover(call: Call, { hasLeft }: Resumed): void {
  const { state } = call
  call.hear()
  for (const leg of state.legs) awaitAnew(call, leg)
  if (hasLeft) return leaveRecord(call)
  for (const leg of state.legs) if (state.phase === 'up' && leg.state === 'up') resume(call, leg)
  for (const open of call.inherited.splice(0)) answerOpen(call, open)
  sayGoodbyeAgain(call)
  // Decided, but not every phone that rang may have heard it.
  const { attempt } = state
  if (attempt !== undefined && (isDecided(attempt) || state.awaitsPicker))
    inheritAttempt(call, attempt)
  if (state.phase === 'setup') return recoverSetup(call)
  if (state.phase === 'up') return recoverTalk(call)
  endAgain(call)
}

/** The BYE may not have been said, or not heard. */
function sayGoodbyeAgain(call: Call): void {
  for (const leg of call.state.legs)
    if (leg.state === 'leaving') sendBye(call, leg, leg.byeReason ?? '')
}

/** What `give` or `handOver` would have said. */
function leaveRecord(call: Call): void {
  for (const open of call.inherited.splice(0)) refuseOpen(call, open)
  sayGoodbyeAgain(call)
  const { answering } = call.state
  if (answering !== undefined) takeAsAnswered(call, answering)
  const [replaced] = call.state.legs
  const cause = replaced === undefined ? 'picked up' : 'transferred'
  finish(call, { ...refusalOf(200, cause), by: replaced?.side ?? 'caller' })
}

function recoverSetup(call: Call): void {
  const { invite, answering, attempt, legs } = call.state
  if (invite === undefined) return lostWith(call)
  if (answering !== undefined) return answerAgain(call, answering)
  if (call.state.awaitsPicker) return awaitPicker(call)
  if (call.state.pickedUp) return answerHere(call)
  const callee = legs.find(({ peer, state }) => peer === CALLER && state === 'up')
  if (callee?.owesAck === true) return answerFor(call, callee, someFace(call))
  if (callee !== undefined) {
    resume(call, callee)
    return answerBefore(call, callee)
  }
  if (attempt === undefined || isDecided(attempt)) return lostWith(call)
  inheritAttempt(call, attempt)
  ringAgain(call)
}

function lostWith(call: Call): void {
  finish(call, refusalOf(503, 'system restarted'))
}

/** Committed, and perhaps told to the caller. */
function takeAsAnswered(call: Call, answering: Answering): void {
  const { state } = call
  state.answering = undefined
  call.toldBefore = answering.sdp
  state.record.answeredAt = answering.at
  const face = state.invite?.faces.find(({ tag }) => tag === answering.face)
  if (state.invite === undefined || face === undefined || face.dialog !== undefined) return
  openDialog(call, state.invite, face)
  // A successor before this one may have come as far, and have said something in it.
  const age = millis(Math.max(0, call.wall() - answering.at))
  face.dialog &&= resumeDialog(face.dialog, age)
}

/** Both sides are answered from here. */
function answerAgain(call: Call, answering: Answering): void {
  const { state } = call
  takeAsAnswered(call, answering)
  const caller = call.leg(CALLER)
  const callee = call.leg(answering.leg)
  if (caller === undefined || callee === undefined) return lostWith(call)
  if (state.pickedUp) return answerHere(call)
  if (callee === caller) return answeredHere(call, caller)
  if (callee.state === 'gone') return lostWith(call)
  answerFor(call, callee, { tag: answering.face })
}

/** It has answered our INVITE. */
function answerFor(call: Call, callee: Leg, face: Pick<Face, 'tag'> | undefined): void {
  const then = { kind: 'answer', leg: callee.id, face: face?.tag ?? '' } as const
  const offer = call.state.invite?.offer
  resumeTimer(call, callee)
  const offers = offer === undefined && callee.exchange.offer !== undefined
  if (callee.sdp === undefined || (offer === undefined && !offers))
    return answerReady(call, then, undefined)
  answerAnew(call, then)
}

function answeredHere(call: Call, caller: Leg): void {
  const service = serviceOf(caller)
  if (service !== undefined) return answerAsService(call, service)
  return call.state.pickingUp === undefined ? lostWith(call) : answerHere(call)
}

function recoverTalk(call: Call): void {
  const { state } = call
  const up = state.legs.filter((leg) => leg.state === 'up')
  const pair = talking(state.legs)
  const isServed = up.length === 1 && up[0]?.service !== undefined
  // Who is transferred may be alone until the target answers.
  const waits = state.transfer !== undefined && call.leg(state.transfer.who)?.state === 'up'
  if (pair === undefined && !waits && !isServed) return lostWith(call)
  if (pair !== undefined) join(...pair)
  call.save(undefined)
  goOn(call)
  if (state.transfer === undefined) leaveAlone(call, up)
  const isOutdated = up.some(({ state: its, outdated }) => its === 'up' && outdated === true)
  if (state.phase === 'up' && isOutdated) renewMedia(call, reachedUntil(call))
}

/** Who answered a transfer that was over by then: nobody talks to it. */
function leaveAlone(call: Call, up: readonly Leg[]): void {
  for (const leg of up)
    if (leg.state === 'up' && leg.peer === undefined && leg.service === undefined)
      leave(call, leg, '')
}

/** What was under way in its dialog is lost with the transactions; what was agreed holds. */
function resume(call: Call, leg: Leg): void {
  leg.accepted = undefined
  leg.released = false
  if (!mayBeAnswered(call, leg)) settle(call, leg)
  resumeTimer(call, leg)
  call.changed(leg.id)
}

function settle(call: Call, leg: Leg): void {
  if (isOwedAnswer(leg)) {
    if (!answerLateAnew(call, leg)) return answerAlone(call, leg)
    // What its peer said last may be of before that offer, so both are told anew as well.
    for (const each of [leg, call.peerOf(leg)]) if (each) each.outdated = true
    return
  }
  leg.exchange = { ...NO_EXCHANGE, settled: true }
  if (leg.owesAck) acknowledge(call, leg, leg.ackSdp)
}

/** From its deadline on; what was due while nobody was there has some time more. */
function resumeTimer(call: Call, leg: Leg): void {
  const { timer } = leg
  if (timer === undefined) return startTimer(call, leg, undefined)
  const lost = timer.refresher === 'local' && timer.refreshAt === undefined
  leg.timer = whileAwaited(leg, { ...timer, refreshAt: lost ? call.now : timer.refreshAt })
}
