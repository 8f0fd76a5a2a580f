//! Joining two answered legs that did not negotiate with each other (transfer). Media says what
//! each must be offered; a leg that need not change hears nothing.
//!
//!   connect(first, second) --offer--> re-INVITE first --2xx--> ACK, media
//!     --> connect(second, first) --offer--> re-INVITE second --2xx--> ACK, media --> joined

import { after, millis } from '../../../src/base/time.ts'
import { refreshTarget } from '../../../src/sip/dialog/dialog.ts'
import { maySend } from '../../../src/sip/dialog/offer-answer.ts'
import { sessionTimerOffer } from '../../../src/sip/dialog/session-timer.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { cseq } from '../../../src/sip/message/views.ts'
import { ALLOW, SUPPORTED, timerPolicy } from './admission.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { acknowledge, join } from './leg.ts'
import { refusalOf } from './refusal.ts'
import { sdpBody, sdpOf } from './sdp.ts'
import type { Join, Leg } from './state.ts'
import { transferJoined } from './transfer.ts'

export function startJoin(call: Call, first: Leg, second: Leg): void {
  join(first, second)
  first.held = false
  second.held = false
  call.state.join = {
    first: first.id,
    second: second.id,
    stage: 'first',
    offer: undefined,
    retryAt: undefined,
  }
  connect(call, call.state.join)
}

function connect(call: Call, state: Join): void {
  const legs = legsOf(call, state)
  if (legs === undefined) return
  const request = { call: call.state.id, a: legs.leg.media, b: legs.other.media }
  call.media({ kind: 'connect', request }, { kind: 'join' })
}

/** The leg whose turn it is, and the other one. */
function legsOf(call: Call, state: Join): { leg: Leg; other: Leg } | undefined {
  const first = call.leg(state.first)
  const second = call.leg(state.second)
  if (first === undefined || second === undefined) return undefined
  return state.stage === 'first' ? { leg: first, other: second } : { leg: second, other: first }
}

export function connected(call: Call, result: MediaResult): void {
  const state = call.state.join
  if (state === undefined) return
  if (!result.ok) return finish(call, refusalOf(488, 'media could not join the two'))
  if (result.value === undefined) return nextStage(call, state)
  state.offer = result.value
  offerJoin(call, state)
}

/** Sends the re-INVITE, or waits: for the ACK to our 2xx, or for an exchange in progress. */
export function offerJoin(call: Call, state: Join): void {
  const legs = legsOf(call, state)
  if (legs === undefined || state.offer === undefined) return
  const { leg } = legs
  if (leg.accepted !== undefined || !maySend(leg.exchange, 'INVITE', true)) {
    state.retryAt = after(call.now, RETRY)
    return
  }
  state.retryAt = undefined
  const headers = [
    ...sessionTimerOffer(timerPolicy(call.config), leg.timer),
    ['supported', SUPPORTED],
    ['allow', ALLOW],
  ] as const
  const options = { headers, ...sdpBody(state.offer) }
  call.request(leg, leg.hop, 'INVITE', { kind: 'join', leg: leg.id }, options)
}

const RETRY = millis(500)

export function joinAnswered(call: Call, id: number, response: SipResponse | undefined): void {
  const leg = call.state.legs.find((each) => each.id === id)
  const state = call.state.join
  if (leg === undefined) return
  if (response === undefined || response.status >= 300) {
    call.exchanged(leg, 'remote', 'INVITE failed', false)
    if (state === undefined) return
    if (response?.status === 491) return retryJoin(call, state)
    return finish(call, refusalOf(response?.status === 481 ? 481 : 488, 'could not be joined'))
  }
  call.passed(leg, 'remote', response)
  if (leg.dialog !== undefined) leg.dialog = refreshTarget(leg.dialog, response)
  leg.invitedCseq = cseq(response)?.number ?? leg.invitedCseq
  acknowledge(call, leg, undefined)
  const sdp = sdpOf(response)
  const legs = state && legsOf(call, state)
  if (state === undefined || legs === undefined || legs.leg !== leg || sdp === undefined) return
  leg.sdp = sdp
  state.offer = undefined
  const request = { call: call.state.id, from: leg.media, to: legs.other.media, sdp }
  call.media({ kind: 'relay-answer', request }, { kind: 'joined' })
}

/** Glare (RFC 3261 §14.1). */
function retryJoin(call: Call, state: Join): void {
  state.retryAt = after(call.now, millis(2_100 + 10 * call.random.below(191)))
}

/** The leg's answer is with the media side. */
export function stageDone(call: Call, result: MediaResult): void {
  const state = call.state.join
  if (state === undefined) return
  if (!result.ok) return finish(call, refusalOf(488, 'media could not join the two'))
  nextStage(call, state)
}

function nextStage(call: Call, state: Join): void {
  if (state.stage === 'second') {
    call.state.join = undefined
    return transferJoined(call)
  }
  state.stage = 'second'
  connect(call, state)
}
