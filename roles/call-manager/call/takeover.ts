//! INVITE with Replaces (RFC 3891): a new caller takes somebody's place in another call. The one it
//! then talks to comes over to this call with its leg (`given`); a call that still rings is picked
//! up the other way round: this caller is answered here and goes over to the ringing call.

import { judgeReplaces, type Replaces } from '../../../src/sip/dialog/replaces.ts'
import type { CallId } from '../../../src/control/ids.ts'
import { ELSEWHERE, cancelOthers, isLive } from './fork.ts'
import { after } from '../../../src/base/time.ts'
import { retryRefresh } from '../../../src/sip/dialog/session-timer.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import { answerAnew, answerReady } from './answer.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { endpointOf, legEnd } from './endpoint.ts'
import { newFace, openDialog, someFace } from './face.ts'
import type { CallInput, Claim, Moved, Taken } from './io.ts'
import { connect, isJoining } from './join.ts'
import { adopt, join, leave } from './leg.ts'
import { isGone } from './media-loss.ts'
import { refusalOf, sipReason } from './refusal.ts'
import { relayOffer } from './reoffer.ts'
import { sayHere } from './service.ts'
import { CALLER, type Attempt, type Leg } from './state.ts'
import { joinMoved, transferTaken } from './transfer.ts'

type Take = CallInput & { readonly kind: 'take' }
type PickedUp = CallInput & { readonly kind: 'picked-up' }

export function takeOver(call: Call, which: Replaces): void {
  const tag = call.ask({ kind: 'taken' })
  const asker = call.leg(CALLER)?.party.aor
  const canBeAnswered = call.state.invite?.offer !== undefined
  call.outputs.push({ kind: 'take', tag, which, asker, canBeAnswered })
}

/** The other call's side: gives away the peer of the leg named, or says why not. */
export function give(call: Call, { by, tag, ...claim }: Take): void {
  const outcome = outcomeOf(call, claim)
  if (outcome.kind === 'ringing' && call.state.attempt !== undefined) {
    const { attempt } = call.state
    call.state.awaitsPicker = true
    silence(call, attempt)
  }
  call.outputs.push({ kind: 'give', to: by, tag, outcome })
  if (outcome.kind !== 'leg') return
  const { leg: given } = outcome
  const { legs } = call.state
  const replaced = legs.find((leg) => leg.peer === given.id)
  legs.splice(legs.indexOf(given), 1, { ...ghostOf(given), movedTo: by })
  // The offer that media makes for its refresh is not sent any more.
  if (given.timer?.refresher === 'local' && call.awaits('refresh-offer'))
    given.timer = retryRefresh(given.timer, call.now)
  // It is told when a successor would know who has the leg (`handed`).
  if (replaced !== undefined) replaced.peer = undefined
}

/**
 * What stays of a leg that moves: it only acknowledges a 2xx that is repeated because our ACK was
 * lost. Its timers, and our 2xx that waits for an ACK, are the other call's.
 */
function ghostOf(given: Leg): Leg {
  const none = { peer: undefined, timer: undefined, probeAt: undefined, accepted: undefined }
  return { ...given, ...none, state: 'gone', released: true }
}

function silence(call: Call, attempt: Attempt): void {
  attempt.waiting = []
  attempt.lingerUntil ??= after(call.now, HOPE)
  cancelOthers(call, attempt, undefined, ELSEWHERE)
}

/** Whoever may call may pick up what rings; people who talk are disturbed by themselves only. */
function outcomeOf(call: Call, { which, asker, canBeAnswered }: Claim): Taken {
  const { callId, toTag, fromTag } = which
  // Phones differ in whose tag comes first.
  const end =
    endpointOf(call, `${callId};${toTag};${fromTag}`) ??
    endpointOf(call, `${callId};${fromTag};${toTag}`)
  const verdict = judgeReplaces(which, end?.holder.dialog)
  if (verdict.kind === 'refuse')
    return { kind: 'none', status: verdict.status, reason: verdict.reason }
  if (end?.kind === 'early' && isLive(end.branch) && call.state.attempt?.purpose === 'call') {
    // Who picks up is answered by media first, and so is its caller then.
    if (canBeAnswered && call.state.invite?.offer !== undefined) return { kind: 'ringing' }
    return { kind: 'none', status: 488, reason: 'picking up needs an offer of both callers' }
  }
  const peer = end?.kind === 'leg' && end.leg.state === 'up' ? call.peerOf(end.leg) : undefined
  const isParty = call.state.legs.some(({ party }) => party.aor === asker)
  if (asker === undefined || !isParty)
    return { kind: 'none', status: 403, reason: 'that call is not yours' }
  const { transfer } = call.state
  const negotiates = isJoining(call) || call.serving.size > 0 || peer?.owesAck !== false
  const busy = transfer !== undefined || negotiates
  if (peer?.state !== 'up' || busy || call.state.phase !== 'up')
    return { kind: 'none', status: 481, reason: 'that call cannot be taken now' }
  return { kind: 'leg', leg: peer, of: [call.state.id, ...call.state.absorbed] }
}

/** Ours, and there is no leg: it rings, or cannot be had. */
export function notTaken(call: Call, outcome: Exclude<Taken, Moved>, from: CallId): void {
  if (outcome.kind === 'none') return finish(call, refusalOf(outcome.status, outcome.reason))
  if (call.state.invite === undefined)
    return void call.outputs.push({ kind: 'picked-up', to: from, leg: undefined })
  call.state.pickingUp = from
  answerHere(call)
}

/**
 * Ours, and the leg has come. Nobody hears of it before it is committed: a successor would have its
 * phone, and its sound, in the call that gave it.
 */
export function takeIn(call: Call, given: Moved, from: CallId): void {
  const leg = adopt(call, given)
  const isWanted =
    call.state.transfer === undefined ? replacedBy(call, leg) : transferTaken(call, leg)
  if (!isWanted) {
    leave(call, leg, '')
    return void call.outputs.push({ kind: 'took', from })
  }
  call.state.record.transferredFrom = from
  call.save({ kind: 'taken-saved', from })
}

/** Or could not be: the leg is here, so this process goes on. The call that gave it may end. */
export function takenSaved(call: Call, from: CallId): void {
  const { phase, transfer } = call.state
  call.outputs.push({ kind: 'took', from })
  if (phase === 'ending' || phase === 'ended') return
  if (transfer === undefined) askTaken(call)
  else joinMoved(call, transfer)
}

/** Our caller takes the place of who talked to it; false when our caller has left. */
function replacedBy(call: Call, leg: Leg): boolean {
  const { invite, record } = call.state
  const caller = call.leg(CALLER)
  const face = newFace(call)
  if (invite === undefined || caller === undefined || face === undefined) return false
  join(caller, leg)
  record.callee = leg.party.aor ?? leg.party.uri
  record.answeredBy = record.callee
  record.calleeSipCallId = leg.dialog?.callId
  openDialog(call, invite, face)
  return true
}

/**
 * Our caller is answered here, and joined with who stays then: whatever that one is doing, and
 * whether it can be reached just now, it goes on talking. Who has no offer asks it for one.
 */
function askTaken(call: Call): void {
  const { invite } = call.state
  const caller = call.leg(CALLER)
  const leg = caller && call.peerOf(caller)
  const id = someFace(call)?.dialog?.id
  const end = id === undefined ? undefined : endpointOf(call, id)
  if (invite === undefined || id === undefined || end === undefined) return
  if (leg?.state !== 'up') return finish(call, refusalOf(487, 'hung up'))
  const { key, request, source, offer, timer: granted } = invite
  if (offer !== undefined && call.config.anchor) {
    call.state.pickedUp = true
    return answerHere(call)
  }
  const serving = { key, request, source, from: id, to: leg.dialog?.id, sdp: offer, granted }
  relayOffer(call, end, legEnd(leg), serving)
}

/**
 * Who stays cannot be asked at once whether it talks to our caller: it offers something itself, or
 * may still be asked by a process before this one. Our caller is answered first: a join can wait.
 */
export function answerBefore(call: Call, leg: Leg): void {
  leg.outdated = true
  call.state.pickedUp = true
  answerHere(call)
}

/** Answers our caller with nothing to hear yet: it is joined with whoever it will talk to then. */
export function answerHere(call: Call, again = false): void {
  const { invite } = call.state
  const caller = call.leg(CALLER)
  if (invite === undefined || caller === undefined) return
  const { offer } = invite
  if (offer === undefined || !call.config.anchor) return answerAsPeer(call, caller)
  sayHere(call, caller, offer, { kind: 'here', again })
}

/** Media can say nothing by itself: the caller is told what its peer has said to somebody else. */
function answerAsPeer(call: Call, { peer }: Leg): void {
  const face = someFace(call)
  if (peer === undefined || face === undefined)
    return finish(call, refusalOf(488, 'picking up needs an offer'))
  answerAnew(call, { kind: 'answer', leg: peer, face: face.tag })
}

/** Either side of a pick-up is answered by media: commit, then its 2xx. */
export function hereReady(call: Call, again: boolean, result: MediaResult): void {
  if (call.state.invite === undefined) return
  if (isGone(result) && !again) return answerHere(call, true)
  if (!result.ok || result.value === undefined) return finish(call, refusalOf(488))
  const face = someFace(call)
  const leg = call.leg(CALLER)?.peer ?? CALLER
  if (face !== undefined) answerReady(call, { leg, face: face.tag }, result.value)
}

/** The caller has its 2xx: on with a pick-up, from whichever side this is. */
export function callerAnswered(call: Call): void {
  const { pickingUp, pickedUp: wasPickedUp } = call.state
  if (pickingUp !== undefined) handOver(call, pickingUp)
  else if (wasPickedUp) joinPicked(call)
}

function handOver(call: Call, to: CallId): void {
  const { legs } = call.state
  const index = legs.findIndex(({ id }) => id === CALLER)
  const [leg] = legs.splice(index, 1)
  call.state.pickingUp = undefined
  call.state.record.answeredBy = call.state.record.caller
  call.outputs.push({ kind: 'picked-up', to, leg })
}

/** The other call has our leg, so this one may end; or that one has ended, and it comes back. */
export function handed(call: Call, back: Leg | undefined): void {
  if (back !== undefined) {
    call.state.legs.push(back)
    return finish(call, refusalOf(487, 'picked up too late'))
  }
  // Whose place was taken is left; of a pick-up nobody is.
  const left = call.state.legs.find(({ state }) => state === 'up')
  const cause = left === undefined ? 'picked up' : 'transferred'
  finish(call, { ...refusalOf(200, cause), by: left?.side ?? 'caller' })
}

/** The ringing call's side: whoever picked up is there, so the caller can be answered. */
export function pickedUp(call: Call, { leg: given, from }: PickedUp): void {
  const { invite } = call.state
  const caller = call.leg(CALLER)
  const { attempt } = call.state
  call.state.awaitsPicker = false
  if (given === undefined) return finish(call, refusalOf(480, 'picked up in vain'))
  const leg = adopt(call, { leg: given, of: [from] })
  leg.side = 'callee'
  const isOver = call.state.phase === 'ending' || call.state.phase === 'ended'
  if (isOver || invite === undefined || caller === undefined) {
    if (isOver) turnAway(call, leg)
    else finish(call, refusalOf(487, 'picked up too late'))
    // Whoever picked up may think that it talks, and nobody else knows of it any more.
    return took(call, from)
  }
  // It still rings when the process that silenced it is no more.
  if (attempt?.purpose === 'call') silence(call, attempt)
  join(caller, leg)
  const { record } = call.state
  record.answeredBy = leg.party.aor ?? leg.party.uri
  record.calleeSipCallId = leg.dialog?.callId
  record.transferredFrom = from
  call.state.pickedUp = true
  took(call, from)
  answerHere(call)
}

/** Before the call that gave the leg ends: somebody has to know of it. */
function took(call: Call, from: CallId): void {
  call.save(undefined)
  call.outputs.push({ kind: 'took', from })
}

/** Out of a snapshot: it does not ring any more, and who picked it up is on the way. */
export function awaitPicker(call: Call): void {
  const { attempt } = call.state
  if (attempt !== undefined) silence(call, attempt)
}

/** The caller has left while the picker was being answered. */
function turnAway(call: Call, leg: Leg): void {
  leg.released = true
  call.release([leg.media], { kind: 'nothing' })
  leave(call, leg, sipReason(487, 'picked up too late'))
}

function joinPicked(call: Call): void {
  const caller = call.leg(CALLER)
  const peer = caller && call.peerOf(caller)
  if (caller === undefined || peer === undefined) return
  const isOutdated = peer.outdated === true || caller.outdated === true
  if (!isOutdated || !call.config.anchor) return connect(call, caller, peer)
  // Both are told anew (`face.ts`); what either was told is not of its peer.
  caller.outdated = true
  peer.outdated = true
}
