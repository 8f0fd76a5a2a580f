//! Joining two answered legs that did not negotiate with each other (transfer, pick up). Media says
//! what each must be offered; who may stay as it is hears nothing.
//!
//!   connect --offer--> re-INVITE one --2xx--> ACK, media --offer--> re-INVITE the other --2xx-->
//!     +-- both may stay --------------------------+-- it may stay ----------------------> joined

import { after, millis } from '../../../src/base/time.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import { refreshTarget } from '../../../src/sip/dialog/dialog.ts'
import { maySend } from '../../../src/sip/dialog/offer-answer.ts'
import { sessionTimerOffer } from '../../../src/sip/dialog/session-timer.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { cseq } from '../../../src/sip/message/views.ts'
import { ALLOW, SUPPORTED, timerPolicy } from './admission.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { acknowledge, join } from './leg.ts'
import { patience } from './patience.ts'
import { refusalOf } from './refusal.ts'
import { printOf, sdpBody, sdpOf } from './sdp.ts'
import type { Join, Leg, LegId } from './state.ts'
import { transferJoined } from './transfer.ts'

/** Asks media what has to change. */
export function connect(call: Call, leg: Leg, other: Leg): void {
  join(leg, other)
  leg.held = false
  other.held = false
  const turn = { leg: leg.id, other: other.id, more: true }
  call.state.join = { ...turn, offer: undefined, retryAt: undefined }
  const request = { call: call.state.id, a: leg.media, b: other.media }
  call.media({ kind: 'connect', request }, { kind: 'join' })
}

export function connected(call: Call, result: MediaResult): void {
  const state = call.state.join
  if (state === undefined) return
  if (!result.ok) return finish(call, refusalOf(488, 'media could not join the two'))
  if (result.value === undefined) return joined(call)
  // Even when it says nothing new to this leg: the answer to it is needed for the other one.
  state.offer = result.value
  offerJoin(call, state)
}

/** Goes on with `offer` to the leg whose turn it is, unless it has been told just that already. */
export function joinBy(
  call: Call,
  turn: Pick<Join, 'leg' | 'other' | 'more' | 'until'>,
  offer: Sdp | undefined,
): void {
  const leg = call.leg(turn.leg)
  if (leg === undefined) return
  if (offer === undefined || leg.told === printOf(offer)) return joined(call)
  call.state.join = { ...turn, offer, retryAt: undefined }
  offerJoin(call, call.state.join)
}

/** Sends the re-INVITE, or waits: for the ACK to our 2xx, or for an exchange in progress. */
export function offerJoin(call: Call, state: Join): void {
  const leg = call.leg(state.leg)
  if (leg === undefined || state.offer === undefined) return
  if (leg.accepted !== undefined || !maySend(leg.exchange, 'INVITE', true)) {
    state.retryAt = after(call.now, RETRY)
    return
  }
  state.retryAt = undefined
  leg.told = printOf(state.offer)
  const headers = [
    ...sessionTimerOffer(timerPolicy(call.config), leg.timer),
    ['supported', SUPPORTED],
    ['allow', ALLOW],
  ] as const
  const options = { headers, ...sdpBody(state.offer) }
  const sent = { kind: 'join', leg: leg.id, until: patience(call) } as const
  call.request(leg, leg.hop, 'INVITE', sent, options)
}

const RETRY = millis(500)
/** Between two tries to reach a phone that may be on its way back. */
const AGAIN = millis(1_000)

export function joinAnswered(call: Call, id: LegId, response: SipResponse | undefined): void {
  const leg = call.leg(id)
  const state = call.state.join
  if (leg === undefined) return
  if (response === undefined || response.status >= 300) {
    call.exchanged(leg, 'remote', 'INVITE failed', false)
    if (state === undefined) return
    if (response?.status === 491) return retryJoin(call, state)
    if (response === undefined && call.now < (state.until ?? 0)) {
      state.retryAt = after(call.now, AGAIN)
      return
    }
    return finish(call, refusalOf(response?.status === 481 ? 481 : 488, 'could not be joined'))
  }
  call.passed(leg, 'remote', response)
  if (leg.dialog !== undefined) leg.dialog = refreshTarget(leg.dialog, response)
  leg.invitedCseq = cseq(response)?.number ?? leg.invitedCseq
  acknowledge(call, leg, undefined)
  const sdp = sdpOf(response)
  const other = state && call.leg(state.other)
  if (state?.leg !== id || other === undefined || sdp === undefined) return
  leg.sdp = sdp
  state.offer = undefined
  call.relay('relay-answer', leg.media, other, sdp, { kind: 'joined' })
}

/** Glare (RFC 3261 §14.1). */
function retryJoin(call: Call, state: Join): void {
  state.retryAt = after(call.now, millis(2_100 + 10 * call.random.below(191)))
}

/** Media has the leg's answer, and knows what it means to the other one. */
export function turnDone(call: Call, result: MediaResult): void {
  const state = call.state.join
  if (state === undefined) return
  if (!result.ok) return finish(call, refusalOf(488, 'media could not join the two'))
  if (!state.more) return joined(call)
  const { leg: other, other: leg, until } = state
  joinBy(call, { leg, other, more: false, ...(until !== undefined && { until }) }, result.value)
}

function joined(call: Call): void {
  // A successor of a successor begins where this one is.
  if (call.state.join?.until !== undefined) call.save(undefined)
  call.state.join = undefined
  transferJoined(call)
}
