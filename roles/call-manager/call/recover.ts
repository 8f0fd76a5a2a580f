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
import { answerAnew, answerReady } from './answer.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { openDialog } from './face.ts'
import { isDecided, isLive } from './fork.ts'
import { inheritAttempt, ringAgain } from './inherit.ts'
import type { CallInput } from './io.ts'
import { reachedUntil, renewMedia, talking } from './join.ts'
import { acknowledge, join } from './leg.ts'
import { refusalOf } from './refusal.ts'
import { answerOpen } from './reoffer.ts'
import { answerAsService } from './service.ts'
import { serviceAt } from '../routing/services.ts'
import { startTimer } from './session.ts'
import { CALLER, type Answering, type CallState, type Leg, type LegId } from './state.ts'
import { answerHere, awaitPicker } from './takeover.ts'
import { goOn } from './transfer.ts'

type Resumed = CallInput & { readonly kind: 'resumed' }

export function recover(call: Call, { open, hasLeft }: Resumed): void {
  const { state } = call
  call.hear()
  if (hasLeft) return leaveRecord(call)
  if (state.phase !== 'ending' && state.phase !== 'ended') askForMedia(call)
  for (const leg of state.legs) if (state.phase === 'up' && leg.state === 'up') resume(call, leg)
  for (const each of open) answerOpen(call, each)
  // Decided, but not every phone that rang may have heard it.
  const { attempt } = state
  if (attempt !== undefined && (isDecided(attempt) || state.awaitsPicker))
    inheritAttempt(call, attempt)
  if (state.phase === 'setup') return recoverSetup(call)
  if (state.phase === 'up') recoverTalk(call)
}

/** What `give` or `handOver` would have said. */
function leaveRecord(call: Call): void {
  const { answering } = call.state
  if (answering !== undefined) takeAsAnswered(call, answering)
  const [replaced] = call.state.legs
  const cause = replaced === undefined ? 'picked up' : 'transferred'
  finish(call, { ...refusalOf(200, cause), by: replaced?.side ?? 'caller' })
}

function recoverSetup(call: Call): void {
  const { invite, answering, attempt } = call.state
  if (invite !== undefined && answering !== undefined) return answerAgain(call, answering)
  if (invite !== undefined && call.state.awaitsPicker) return awaitPicker(call)
  if (invite !== undefined && call.state.pickedUp) return pickedUpAgain(call)
  if (invite === undefined || attempt === undefined || isDecided(attempt)) return lostWith(call)
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
  state.record.answeredAt = answering.at
  const face = state.invite?.faces.find(({ tag }) => tag === answering.face)
  if (state.invite === undefined || face === undefined || face.dialog !== undefined) return
  openDialog(call, state.invite, face)
  face.dialog &&= resumeDialog(face.dialog)
}

/** Both sides are answered from here. */
function answerAgain(call: Call, answering: Answering): void {
  const { state } = call
  takeAsAnswered(call, answering)
  const caller = call.leg(CALLER)
  const callee = call.leg(answering.leg)
  if (caller === undefined || callee === undefined) return lostWith(call)
  if (state.pickedUp) return pickedUpAgain(call)
  if (callee === caller) return answeredHere(call, caller)
  if (callee.state === 'gone') return lostWith(call)
  const then = { kind: 'answer', leg: callee.id, face: answering.face } as const
  const offer = state.invite?.offer
  resumeTimer(call, callee)
  const offers = offer === undefined && callee.exchange.offer !== undefined
  if (callee.sdp === undefined || (offer === undefined && !offers))
    return answerReady(call, then, undefined)
  caller.outdated = true
  callee.outdated = true
  answerAnew(call, then)
}

/** By a leg that has come, and has to be told where its sound is. */
function pickedUpAgain(call: Call): void {
  for (const leg of call.state.legs) leg.outdated = true
  answerHere(call)
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
  if (up.length === 1 && up[0]?.service !== undefined) return
  const pair = talking(state.legs)
  // Who is transferred may be alone until the target answers.
  const waits = state.transfer !== undefined && call.leg(state.transfer.who)?.state === 'up'
  if (pair === undefined && !waits) return lostWith(call)
  if (pair !== undefined) join(...pair)
  call.save(undefined)
  goOn(call)
}

/** Before anything else of media: what is asked later waits until it is known. */
function askForMedia(call: Call): void {
  const knows = call.state.legs.filter(({ outdated }) => outdated !== true).map(({ id }) => id)
  call.media({ kind: 'resume', media: mediaOf(call.state) }, { kind: 'media-known', knows })
}

function mediaOf({ legs, attempt }: CallState): readonly MediaId[] {
  const branches = attempt?.branches.filter(isLive) ?? []
  return [...legs.filter(({ released }) => !released), ...branches].map(({ media }) => media)
}

/** On a server of its own it may not have missed who led it: who knew its sessions knows them. */
export function mediaKnown(call: Call, knows: readonly LegId[], { ok }: MediaResult): void {
  const { phase, legs } = call.state
  if (ok) for (const leg of legs) if (knows.includes(leg.id)) leg.outdated = false
  const isOutdated = legs.some(({ state, outdated }) => state === 'up' && outdated === true)
  if (phase === 'up' && isOutdated) renewMedia(call, reachedUntil(call))
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
