//! What a successor does with a call that another process did not live to end. Who talks goes on
//! talking, what rings goes on ringing, with media sessions made anew where they died too. Whatever
//! cannot be gone on with is ended, with its record.
//!
//!   ringing ----> transactions go on (`inherit.ts`); who answers is connected as always
//!   answered ---> the caller's 2xx may have been lost: answered once more
//!   talking ----> media: offer for b --> re-INVITE b --2xx--> re-INVITE a --2xx--> as before
//!   echo -------> media: answer --> re-INVITE
//!   transfer ---> the target goes on ringing, the transferor hears how far it is
//!      +-- nobody talks or rings, or a phone is gone --> finish

import { after, millis } from '../../../src/base/time.ts'
import type { MediaId } from '../../../src/control/media-control.ts'
import { resumeDialog } from '../../../src/sip/dialog/dialog.ts'
import { NO_EXCHANGE } from '../../../src/sip/dialog/offer-answer.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import { answerReady } from './answer.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { openDialog } from './face.ts'
import { inheritAttempt, ringAgain } from './inherit.ts'
import { reachedUntil, renewMedia, talking } from './join.ts'
import { acknowledge, join } from './leg.ts'
import { refusalOf } from './refusal.ts'
import { answerAsService } from './service.ts'
import { serviceAt } from '../routing/services.ts'
import { startTimer } from './session.ts'
import { CALLER, type Answering, type CallState, type Leg, type Pending } from './state.ts'
import { answerHere } from './takeover.ts'
import { goOn } from './transfer.ts'

export function recover(call: Call, open: readonly Pending[]): void {
  const { state } = call
  // Its sender tries again, when the one of ours is through (RFC 3261 §14.1).
  for (const pending of open) call.respond(pending, 491)
  if (state.phase !== 'ending' && state.phase !== 'ended') askForMedia(call)
  if (state.phase === 'setup') return recoverSetup(call)
  if (state.phase === 'up') recoverTalk(call)
}

function recoverSetup(call: Call): void {
  const { invite, answering, attempt } = call.state
  if (invite !== undefined && answering !== undefined) return answerAgain(call, answering)
  if (invite === undefined || attempt === undefined) return lostWith(call)
  inheritAttempt(call, attempt)
  ringAgain(call)
}

function lostWith(call: Call): void {
  finish(call, refusalOf(503, 'system restarted'))
}

/** Committed, and perhaps not told to anyone: both sides are answered from here. */
function answerAgain(call: Call, answering: Answering): void {
  const { state } = call
  const caller = call.leg(CALLER)
  const callee = call.leg(answering.leg)
  state.answering = undefined
  state.record.answeredAt = answering.at
  const face = state.invite?.faces.find(({ tag }) => tag === answering.face)
  if (state.invite !== undefined && face !== undefined && face.dialog === undefined) {
    openDialog(call, state.invite, face)
    face.dialog &&= resumeDialog(face.dialog)
  }
  if (caller === undefined || callee === undefined) return lostWith(call)
  if (callee === caller) return answeredHere(call, caller)
  if (callee.state === 'gone') return lostWith(call)
  const then = { kind: 'answer', leg: callee.id, face: answering.face } as const
  const offer = state.invite?.offer
  resumeTimer(call, callee)
  const { sdp } = callee
  const offers = offer === undefined && callee.exchange.offer !== undefined
  if (sdp === undefined || (offer === undefined && !offers))
    return answerReady(call, then, undefined)
  // It has not been told anything of media yet.
  if (offer === undefined) return call.relay('relay-offer', callee.media, caller, sdp, then)
  callee.outdated = true
  caller.outdated = true
  call.relay('relay-offer', caller.media, callee, offer, { kind: 'nothing' })
  call.relay('relay-answer', callee.media, caller, sdp, then)
}

function answeredHere(call: Call, caller: Leg): void {
  const service = caller.service === undefined ? undefined : serviceAt(caller.service)
  caller.outdated = true
  if (service !== undefined) return answerAsService(call, service)
  return call.state.pickingUp === undefined ? lostWith(call) : answerHere(call)
}

function recoverTalk(call: Call): void {
  const { state } = call
  const up = state.legs.filter((leg) => leg.state === 'up')
  for (const leg of up) resume(call, leg)
  if (up.length === 1 && up[0]?.service !== undefined) return
  const pair = talking(state.legs)
  if (pair === undefined) return lostWith(call)
  join(...pair)
  call.save(undefined)
  goOn(call)
}

/** Before anything else of media: what is asked later waits until it is known. */
function askForMedia(call: Call): void {
  call.media({ kind: 'resume', media: mediaOf(call.state) }, { kind: 'media-known' })
}

function mediaOf({ legs, attempt }: CallState): readonly MediaId[] {
  const branches = attempt?.branches.filter(({ state }) => state !== 'over') ?? []
  return [...legs.filter(({ released }) => !released), ...branches].map(({ media }) => media)
}

/** On a server of its own it may not have missed who led it. */
export function mediaKnown(call: Call, { ok }: MediaResult): void {
  const { phase, legs } = call.state
  if (ok) for (const leg of legs) leg.outdated = false
  else if (phase === 'up') renewMedia(call, reachedUntil(call))
}

/** The server that carried it is gone: another goes on, if the call is answered. */
export function mediaLost(call: Call): void {
  if (call.state.phase !== 'up') return finish(call, refusalOf(503, 'media server lost'))
  for (const leg of call.state.legs) leg.outdated = true
  renewMedia(call, reachedUntil(call))
}

/** What was under way in its dialog is lost with the transactions; what was agreed holds. */
function resume(call: Call, leg: Leg): void {
  leg.exchange = { ...NO_EXCHANGE, settled: true }
  leg.accepted = undefined
  leg.released = false
  leg.outdated = true
  if (leg.owesAck) acknowledge(call, leg, leg.ackSdp)
  resumeTimer(call, leg)
  call.changed(leg.id)
}

/** From its deadline on; what was due while nobody was there has some time more. */
function resumeTimer(call: Call, leg: Leg): void {
  const { timer } = leg
  if (timer === undefined) return startTimer(call, leg, undefined)
  const lost = timer.refresher === 'local' && timer.refreshAt === undefined
  const expireAt = millis(Math.max(timer.expireAt, after(call.now, HOPE)))
  leg.timer = { ...timer, expireAt, refreshAt: lost ? call.now : timer.refreshAt }
}
