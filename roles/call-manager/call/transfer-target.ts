//! The target of a transfer has answered our INVITE: it is to talk to who is transferred.
//!
//!   2xx --commit--> ACK, media --> the two agree (`join.ts`)
//!   2xx with an offer, as there was none to make --commit--> media --> ACK --> the same

import type { Call, MediaResult } from './call.ts'
import { isNegotiating, joinBy } from './join.ts'
import { acknowledge, isOwedAnswer, leave } from './leg.ts'
import { isGone } from './media-loss.ts'
import type { Then } from './pending.ts'
import { refusalOf } from './refusal.ts'
import { sayHere } from './service.ts'
import type { Leg, LegId, Transfer } from './state.ts'
import { agreeAnew, moveOn, moveTo, transferFailed } from './transfer.ts'

/** The target answered, and was gone before it was joined. */
const HUNG_UP = refusalOf(487, 'hung up')

/** The target answered our INVITE, and a successor would know it. */
export function targetSaved(call: Call, id: LegId, committed: boolean): void {
  const leg = call.leg(id)
  if (leg?.state !== 'up') return transferFailed(call, HUNG_UP)
  if (committed) return transferAnswered(call, leg)
  leave(call, leg, '')
  transferFailed(call, refusalOf(503))
}

function transferAnswered(call: Call, leg: Leg): void {
  const { transfer } = call.state
  const who = transfer && call.leg(transfer.who)
  if (transfer === undefined || who === undefined || leg.sdp === undefined)
    return leave(call, leg, '')
  if (isOwedAnswer(leg))
    return call.config.anchor ? answerOffer(call, leg) : moveOn(call, transfer, leg)
  if (leg.owesAck) acknowledge(call, leg, undefined)
  call.relay('relay-answer', leg.media, who, leg.sdp, { kind: 'transfer-answer', leg: leg.id })
}

export function transferAnswerReady(call: Call, id: LegId, result: MediaResult): void {
  const { transfer } = call.state
  const leg = call.leg(id)
  const who = transfer && call.leg(transfer.who)
  if (transfer === undefined || leg === undefined || who === undefined) return
  if (leg.state !== 'up') return targetLeft(call, who, transfer)
  if (!result.ok && !isGone(result)) {
    leave(call, leg, '')
    return transferFailed(call, refusalOf(488))
  }
  const isBusy = isNegotiating(call, who)
  moveTo(call, transfer, who, leg)
  if (!result.ok || isBusy || leg.outdated === true) return agreeAnew(call, who, leg)
  joinBy(call, { leg: who.id, other: leg.id, more: false }, result.value)
}

/** Media has joined it all the same, so the two that talk have to be joined anew. */
function targetLeft(call: Call, who: Leg, { by }: Transfer): void {
  transferFailed(call, HUNG_UP)
  const transferor = call.leg(by)
  if (call.state.phase === 'up' && transferor?.state === 'up') agreeAnew(call, who, transferor)
}

/** With nothing to hear until it is told of who it talks to. */
function answerOffer(call: Call, leg: Leg, again = false): void {
  const then = { kind: 'target-answer', leg: leg.id, again } as const
  if (leg.sdp !== undefined) sayHere(call, leg, leg.sdp, then)
}

type TargetAnswer = Then & { readonly kind: 'target-answer' }

export function targetAnswerReady(call: Call, then: TargetAnswer, result: MediaResult): void {
  const { transfer } = call.state
  const leg = call.leg(then.leg)
  if (transfer === undefined || leg === undefined) return
  if (leg.state !== 'up') return transferFailed(call, HUNG_UP)
  if (isGone(result) && !then.again) return answerOffer(call, leg, true)
  if (!result.ok) {
    leave(call, leg, '')
    return transferFailed(call, refusalOf(488))
  }
  acknowledge(call, leg, result.value)
  moveOn(call, transfer, leg)
}
