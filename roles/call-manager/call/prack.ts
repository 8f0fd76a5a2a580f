//! The caller acknowledges a reliable provisional response (RFC 3262). Its PRACK may bring the
//! answer to the callee's offer, or an offer of its own.

import type { DialogId } from '../../../src/sip/dialog/dialog.ts'
import { isUnacknowledged } from '../../../src/sip/dialog/reliable-provisional.ts'
import { cseq, rack } from '../../../src/sip/message/views.ts'
import { sendPrack } from './branch.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { endpointOf, oppositeOf, type Endpoint } from './endpoint.ts'
import { releaseHeld2xx, stepSender } from './face.ts'
import { isLive } from './fork.ts'
import { isGone } from './media-loss.ts'
import type { Then } from './pending.ts'
import { refusalOf } from './refusal.ts'
import { relayOffer, respondIn } from './reoffer.ts'
import { sdpOf } from './sdp.ts'
import { CALLER, type EarlyDialog, type Pending } from './state.ts'

export function onPrack(call: Call, end: Endpoint, pending: Pending): void {
  const { invite } = call.state
  const acknowledged = rack(pending.request)
  if (end.kind !== 'face' || invite === undefined || acknowledged === undefined)
    return call.respond(pending, acknowledged === undefined ? 400 : 481)
  const said = invite.unacknowledged.find(({ rseq }) => rseq === acknowledged.rseq)
  const outputs = stepSender(call, invite, { kind: 'prack', rack: acknowledged })
  if (outputs.some(({ kind }) => kind === 'unmatched')) return call.respond(pending, 481)
  // What waited for it is on its way: a successor shall not say that again.
  if (isUnacknowledged(invite.sender)) call.saveSoon()
  const step = call.passed(end.holder, 'remote', pending.request)
  if (step?.kind === 'refused') return call.respond(pending, step.status)
  const sdp = sdpOf(pending.request)
  if (step?.kind === 'broken') {
    call.respond(pending, 200)
    return finish(call, refusalOf(500, 'the PRACK holds no answer'))
  }
  if (step?.meaning === 'offer') {
    const granted = { headers: [], terms: undefined }
    const other = oppositeOf(call, end)
    const from = end.face.dialog?.id
    const to = other?.holder.dialog?.id
    if (from !== undefined) relayOffer(call, end, other, { ...pending, from, to, sdp, granted })
  } else if (said?.sdp === true && end.face.dialog !== undefined) {
    // Who has a 200 says it no more: a successor has to know what was agreed.
    if (step?.meaning === 'answer') end.leg.sdp = sdp
    return call.save({ kind: 'prack-saved', pending, dialog: end.face.dialog.id })
  } else respondIn(call, end, pending, 200)
  releaseHeld2xx(call, invite)
}

type Early = Endpoint & { readonly kind: 'early' }
type PrackSaved = Then & { readonly kind: 'prack-saved' }

export function prackSaved(call: Call, { pending, dialog }: PrackSaved): void {
  const { invite } = call.state
  const end = endpointOf(call, dialog)
  if (end?.kind !== 'face' || invite === undefined) return call.respond(pending, 200)
  respondIn(call, end, pending, 200)
  const other = oppositeOf(call, end)
  if (other?.kind === 'early' && owesPrack(other) && end.leg.sdp !== undefined)
    call.relay('relay-answer', end.media, other, end.leg.sdp, answerFor(other.early))
  releaseHeld2xx(call, invite)
}

/** It was counted by another process, that did not live to say so. */
export function isPrackAgain(end: Endpoint, { request }: Pending): boolean {
  const isLast = cseq(request)?.number === end.holder.dialog?.remoteCseq
  return request.method === 'PRACK' && isLast && end.holder.exchange.offer === undefined
}

/** It still rings, and the caller has answered its offer. */
function owesPrack({ branch, early }: Early): boolean {
  return isLive(branch) && early.rack !== undefined && early.face?.exchange.settled === true
}

/** The process that heard the answer may not have passed it on. */
export function answerEarlyAgain(call: Call, id: DialogId): void {
  const end = endpointOf(call, id)
  if (end?.kind === 'early' && owesPrack(end)) answerEarlyAnew(call, end)
}

type PrackAnswer = Then & { readonly kind: 'prack-answer' }

function answerFor({ dialog }: EarlyDialog): PrackAnswer {
  return { kind: 'prack-answer', early: dialog.id }
}

/** The caller's answer is made over: the device's PRACK can go. */
export function prackAnswerReady(call: Call, then: PrackAnswer, result: MediaResult): void {
  const end = endpointOf(call, then.early)
  if (end?.kind !== 'early' || end.early.rack === undefined || !isLive(end.branch)) return
  if (isGone(result) && then.again !== true && answerEarlyAnew(call, end)) {
    // The caller was told of what is gone.
    end.branch.outdated = true
    return
  }
  if (!result.ok) return finish(call, refusalOf(488, 'media could not follow'))
  const { rack: value } = end.early
  end.early.rack = undefined
  sendPrack(call, end.branch, end.early, value, result.value)
}

/** Media hears once more what both have said. False when nobody knows what the answer was. */
function answerEarlyAnew(call: Call, end: Early): boolean {
  const caller = call.leg(CALLER)
  const { early } = end
  if (caller?.sdp === undefined || early.sdp === undefined) return false
  const then = { ...answerFor(early), again: true }
  call.relayAgain(end, early.sdp, caller, caller.sdp, then)
  return true
}
