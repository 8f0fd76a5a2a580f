//! Joining two answered legs that did not negotiate with each other (transfer, pick up). Media says
//! what each must be offered; who may stay as it is hears nothing.
//!
//!   connect --offer--> re-INVITE one --2xx--> ACK, media --offer--> re-INVITE the other --2xx-->
//!     +-- both may stay --------------------------+-- it may stay ----------------------> joined

import { after, millis, type Millis } from '../../../src/base/time.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import { refreshTarget } from '../../../src/sip/dialog/dialog.ts'
import { maySend } from '../../../src/sip/dialog/offer-answer.ts'
import { sessionTimerFrom2xx } from '../../../src/sip/dialog/session-timer.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { cseq } from '../../../src/sip/message/views.ts'
import { timerPolicy } from './admission.ts'
import { answerAlone } from './acked.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { acknowledge, afterGlare, gone, isOwedAnswer, join, owesUsAck, reinvite } from './leg.ts'
import { isGone } from './media-loss.ts'
import { patience } from './patience.ts'
import { isAwaited, reachedUntil, triedAgainAt } from './reach.ts'
import { refusalOf } from './refusal.ts'
import { printOf, sdpOf } from './sdp.ts'
import type { Sent, Then } from './pending.ts'
import { renewService, serviceJoined } from './service.ts'
import { startTimer } from './session.ts'
import type { Join, Leg } from './state.ts'
import { goesOnWithout, transferJoined } from './transfer.ts'

/** Offers of ours are on their way, or will be: what somebody else offers would get in between. */
export function isJoining(call: Call): boolean {
  const { join, pickedUp, phase } = call.state
  const isDue = call.awaits('loss-saved') || call.awaits('taken-saved')
  return join !== undefined || isDue || (pickedUp && phase === 'setup')
}

/** Asks media what has to change. */
export function connect(call: Call, leg: Leg, other: Leg): void {
  join(leg, other)
  leg.held = false
  other.held = false
  const turn = { leg: leg.id, other: other.id, more: true }
  call.state.join = { ...turn, offer: undefined, retryAt: undefined }
  const request = { call: call.state.id, a: leg.media, b: other.media }
  call.media({ kind: 'connect', request }, { kind: 'join', leg: leg.id, other: other.id })
}

type Asked = Then & { readonly kind: 'join' | 'joined' }

/** The join that the question was about, unless another one has taken its place. */
function askedFor(call: Call, { leg, other }: Asked): Join | undefined {
  const { join: state } = call.state
  return state?.leg === leg && state.other === other ? state : undefined
}

export function connected(call: Call, asked: Asked, result: MediaResult): void {
  const state = askedFor(call, asked)
  if (state === undefined || state.isLost === true) return
  if (!result.ok) return mediaRefused(call, state, result.error.kind)
  if (result.value === undefined) return joined(call)
  // Even when it says nothing new to this leg: the answer to it is needed for the other one.
  state.offer = result.value
  offerJoin(call, state)
}

/** What media said to it is worth nothing any more: it begins anew as soon as its leg is free. */
export function loseJoin(call: Call, join: Join): void {
  const { leg, retryAt, until = reachedUntil(call) } = join
  const waits = call.txOf((sent) => sent.kind === 'join' && sent.leg === leg) !== undefined
  const again = waits ? undefined : (retryAt ?? after(call.now, RETRY))
  call.state.join = { ...join, until, isLost: true, retryAt: again }
}

/** Media waits for what the leg has said already: it is to say it again, to whoever comes. */
function answerUnheard(call: Call, state: Join, why: string): void {
  const leg = call.leg(state.leg)
  if (leg !== undefined) leg.outdated = true
  mediaRefused(call, state, why)
}

/** Media may be on its way back as well. */
function mediaRefused(call: Call, state: Join, why: string): void {
  const isAway = why !== 'sdp-rejected'
  if (!isAway || call.now >= (state.until ?? 0))
    return finish(call, refusalOf(488, 'media could not join the two'))
  state.offer = undefined
  state.retryAt = after(call.now, RETRY)
}

/** Whoever talks, or hears a service, is told of new media sessions; who cannot be is given up. */
export function renewMedia(call: Call, until: Millis): void {
  const up = call.state.legs.filter(({ state }) => state === 'up')
  const pair = talking(up)
  if (pair !== undefined) return renew(call, ...pair, until)
  // Whoever is called for it brings the sound.
  if (call.state.transfer !== undefined) return
  const [alone] = up
  if (alone?.service !== undefined) renewService(call, alone, until)
  else finish(call, refusalOf(503, 'media server lost'))
}

/** The two that talk to each other; a call may have others that come or leave. */
export function talking(legs: readonly Leg[]): readonly [Leg, Leg] | undefined {
  for (const a of legs) {
    if (a.state !== 'up') continue
    const b = legs.find(({ id, peer, state }) => state === 'up' && id === a.peer && peer === a.id)
    if (b !== undefined) return [a, b]
  }
  return undefined
}

/**
 * Both were told of media sessions that are no more: the one that holds, or else the callee, is
 * offered new ones first, the other what comes of it.
 */
export function renew(call: Call, a: Leg, b: Leg, until = reachedUntil(call)): void {
  if (!call.config.anchor || call.state.join !== undefined) return
  const inOrder = a.held ? ([a, b] as const) : ([b, a] as const)
  // Of a delayed offer, the process before this one may have heard the answer, and not saved it.
  const [first, other] = inOrder[1].sdp === undefined ? [inOrder[1], inOrder[0]] : inOrder
  if (other.sdp === undefined) return finish(call, refusalOf(503, 'nothing is known to offer'))
  const turn = { leg: first.id, other: other.id, more: true, until }
  call.state.join = { ...turn, offer: undefined, retryAt: undefined }
  const request = {
    call: call.state.id,
    from: other.media,
    to: first.media,
    sdp: other.sdp,
    toward: first.hop.address,
    restated: true,
  }
  const then = { kind: 'join', leg: first.id, other: other.id } as const
  call.media({ kind: 'relay-offer', request }, then)
}

/** Goes on with `offer` to the leg whose turn it is, unless it has been told just that already. */
export function joinBy(
  call: Call,
  turn: Pick<Join, 'leg' | 'other' | 'more' | 'until'>,
  offer: Sdp | undefined,
): void {
  const leg = call.leg(turn.leg)
  if (leg === undefined) return
  const told = leg.told === printOf(offer)
  if (offer === undefined || (told && leg.outdated !== true)) return joined(call)
  call.state.join = { ...turn, offer, retryAt: undefined, repeats: told }
  offerJoin(call, call.state.join)
}

/** What comes of it would count, though it is of before somebody came, or a server was lost. */
export function isNegotiating(call: Call, leg: Leg): boolean {
  const isFree = !owesUsAck(leg) && maySend(leg.exchange, 'INVITE', true)
  return isJoining(call) || call.serving.size > 0 || !isFree
}

/** Sends the re-INVITE, or waits: for the ACK to our 2xx, or for an exchange in progress. */
export function offerJoin(call: Call, state: Join): void {
  const leg = call.leg(state.leg)
  if (leg === undefined) return
  if (state.offer === undefined || state.isLost === true) return askAgain(call, state)
  // Its own offer comes first: media has to answer it once more, or else it has waited for this.
  if (isOwedAnswer(leg)) {
    if (call.config.anchor) return answerAlone(call, leg, true)
    acknowledge(call, leg, state.offer)
    return joined(call)
  }
  if (owesUsAck(leg) || !maySend(leg.exchange, 'INVITE', true)) {
    state.retryAt = after(call.now, RETRY)
    return
  }
  state.retryAt = undefined
  const { offer } = state
  const sent: Joining = {
    kind: 'join',
    leg: leg.id,
    offer,
    request: undefined,
    until: patience(call),
  }
  sent.request = reinvite(call, leg, offer, sent)
}

function askAgain(call: Call, { retryAt, until }: Join): void {
  if (retryAt === undefined || until === undefined || call.now < retryAt) return
  call.state.join = undefined
  renewMedia(call, until)
}

type Joining = Sent & { readonly kind: 'join' }

const RETRY = millis(500)
/** A later request came first, so this one was out of order (RFC 3261 §12.2.2): it may again. */
const OVERTAKEN_MAX = 3

export function joinAnswered(call: Call, sent: Joining, response: SipResponse | undefined): void {
  const leg = call.leg(sent.leg)
  const { join } = call.state
  // Another one may have taken the place of what this is about.
  const state = join?.leg === sent.leg && join.offer === sent.offer ? join : undefined
  if (leg === undefined) return
  if (response === undefined || response.status >= 300) {
    call.exchanged(leg, 'remote', 'INVITE failed', false)
    return state === undefined ? undefined : joinRefused(call, leg, state, response)
  }
  call.passed(leg, 'remote', response)
  if (leg.dialog !== undefined) leg.dialog = refreshTarget(leg.dialog, response)
  leg.invitedCseq = cseq(response)?.number ?? leg.invitedCseq
  acknowledge(call, leg, undefined)
  if (sent.request !== undefined)
    startTimer(call, leg, sessionTimerFrom2xx(timerPolicy(call.config), sent.request, response))
  const sdp = sdpOf(response)
  const other = state && call.leg(state.other)
  // What waits to be sent comes after what was answered.
  if (state === undefined || other === undefined || state.retryAt !== undefined) return
  leg.sdp = sdp ?? leg.sdp
  state.offer = undefined
  if (state.isLost === true) return void (state.retryAt = after(call.now, RETRY))
  if (sdp === undefined)
    return finish(call, refusalOf(500, 'a re-INVITE was answered without a description'))
  leg.outdated = false
  if (other === leg) return serviceJoined(call, leg, sdp)
  const then = { kind: 'joined', leg: leg.id, other: other.id } as const
  call.relay('relay-answer', leg.media, other, sdp, then)
}

function joinRefused(call: Call, leg: Leg, state: Join, response: SipResponse | undefined): void {
  const status = response?.status ?? 408
  if (status === 491 || isBusy(response)) return retryJoin(call, leg, state)
  const { overtaken = 0 } = state
  if (status === 500 && overtaken < OVERTAKEN_MAX) {
    state.overtaken = overtaken + 1
    return retryJoin(call, leg, state)
  }
  if (isAwaited(call, leg, status)) {
    state.retryAt = triedAgainAt(call, leg)
    return
  }
  if (status === 481) gone(call, leg)
  call.state.join = undefined
  if (goesOnWithout(call, leg)) return
  finish(call, refusalOf(status === 481 ? 481 : 488, 'could not be joined'))
}

/** RFC 3261 §14.2: an INVITE before this one is not answered yet. */
export function isBusy(response: SipResponse | undefined): boolean {
  return response?.status === 500 && response.headers.has('retry-after')
}

/** Glare (RFC 3261 §14.1). */
function retryJoin(call: Call, leg: Leg, state: Join): void {
  state.retryAt = afterGlare(call, leg)
}

/** Media has the leg's answer, and knows what it means to the other one. */
export function turnDone(call: Call, asked: Asked, result: MediaResult): void {
  const state = askedFor(call, asked)
  if (state === undefined || state.isLost === true) return
  // It waited for no answer of this leg.
  if (!result.ok && state.repeats === true && !isGone(result)) return joined(call)
  if (!result.ok) return answerUnheard(call, state, result.error.kind)
  if (!state.more) return joined(call)
  const { leg: other, other: leg, until } = state
  joinBy(call, { leg, other, more: false, ...(until !== undefined && { until }) }, result.value)
}

function joined(call: Call): void {
  // A successor of a successor begins where this one is.
  if (call.state.join?.until !== undefined) call.save(undefined)
  call.state.join = undefined
  // It was about somebody who talks to another now.
  if (!call.awaits('taken-saved')) transferJoined(call)
}
