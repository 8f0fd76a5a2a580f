//! Transfer: REFER within a call (RFC 3515, RFC 5589). We act on it ourselves; the phone that is
//! transferred hears of it only by a re-INVITE, if at all. Blind: the target is called on its
//! behalf. Attended (Refer-To with Replaces): the transferor's other call gives its leg to this.
//!
//!   REFER --commit--> 202, NOTIFY 100 --> attempt --2xx--> join --commit--> NOTIFY 200, BYE
//!                                     --> take the other call's leg --> join ...
//!                                     --> refused: NOTIFY with the status, and all stays as it was

import { after } from '../../../src/base/time.ts'
import {
  NO_GAP,
  startNotifier,
  stepNotifier,
  type NotifierInput,
  type NotifierOutput,
} from '../../../src/sip/dialog/notifier.ts'
import { readRefer, SIPFRAG, sipfrag, type Referral } from '../../../src/sip/dialog/refer.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { reasonPhrase } from '../../../src/sip/message/reasons.ts'
import { flat } from '../../../src/sip/message/text.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import { cseq } from '../../../src/sip/message/views.ts'
import { uriOf } from '../events/aor.ts'
import { answerAlone } from './acked.ts'
import type { Call } from './call.ts'
import { finish } from './end.ts'
import type { Endpoint } from './endpoint.ts'
import { isDecided, startAttempt } from './fork.ts'
import { addressOf, contactName } from './identity.ts'
import type { Planned } from './io.ts'
import { inheritAttempt } from './inherit.ts'
import { connect, isNegotiating, renew } from './join.ts'
import { isOwedAnswer, join, leave, releaseEarly } from './leg.ts'
import { refusalOf } from './refusal.ts'
import { forsake, refuseServed } from './reoffer.ts'
import type { Leg, Pending, Refusal, Transfer } from './state.ts'

export function onRefer(call: Call, end: Endpoint, pending: Pending): void {
  const reading = readRefer(pending.request)
  if (reading.kind === 'refuse')
    return call.respond(pending, reading.status, { reason: reading.reason })
  const { referral } = reading
  const objection = objectionTo(call, end, referral)
  if (objection !== undefined)
    return call.respond(pending, objection.status, { reason: objection.reason })
  if (end.kind !== 'leg' || end.leg.peer === undefined) return
  call.state.transfers++
  call.state.transfer = {
    kind: referral.replaces === undefined ? 'blind' : 'attended',
    by: end.leg.id,
    who: end.leg.peer,
    cseq: cseq(pending.request)?.number ?? 0,
    target: referral.targetText,
    replaces: referral.replaces,
    event: referral.event,
    referredBy: referral.referredBy ?? addressOf(end.leg.party),
    notified: referral.notified,
    notifier: undefined,
    status: 100,
    reason: 'Trying',
  }
  // The transfer is committed before its 2xx (DESIGN §4 rule 2).
  call.save({ kind: 'refer-saved', pending })
}

/** Another process took it, committed it and did not live to answer. */
export function isReferAgain(call: Call, end: Endpoint, { request }: Pending): boolean {
  const { transfer } = call.state
  if (request.method !== 'REFER' || end.kind !== 'leg') return false
  return transfer?.by === end.leg.id && transfer.cseq === cseq(request)?.number
}

function objectionTo(
  call: Call,
  end: Endpoint,
  { method, target }: Referral,
): { readonly status: number; readonly reason: string } | undefined {
  const { state, config } = call
  if (end.kind !== 'leg' || call.peerOf(end.leg)?.state !== 'up')
    return { status: 403, reason: 'Nobody To Transfer' }
  if (method !== 'INVITE') return { status: 403, reason: 'Only INVITE Can Be Referred' }
  if (state.transfer !== undefined || state.join !== undefined)
    return { status: 491, reason: 'Transfer In Progress' }
  if (state.transfers >= config.transfersMax) return { status: 403, reason: 'Too Many Transfers' }
  const { scheme } = target
  if (scheme !== 'sip' && scheme !== 'sips' && scheme !== 'tel')
    return { status: 416, reason: reasonPhrase(416) }
  return undefined
}

export function referSaved(call: Call, pending: Pending, committed: boolean): void {
  const { transfer } = call.state
  if (transfer === undefined || call.state.phase !== 'up') return call.respond(pending, 481)
  const by = call.leg(transfer.by)
  if (!committed) {
    call.state.transfer = undefined
    call.respond(pending, 503)
    // It has hung up on the strength of it.
    if (by?.state !== 'up') finish(call, refusalOf(503, 'the transfer could not be stored'))
    return
  }
  const contact = by?.dialog?.localTarget
  const headers: (readonly [string, string])[] = contact === undefined ? [] : [['contact', contact]]
  if (!transfer.notified) headers.push(['refer-sub', 'false'])
  call.respond(pending, 202, { headers })
  if (transfer.notified) startTelling(call, transfer)
  findTarget(call, transfer)
}

function startTelling(call: Call, transfer: Transfer): void {
  const { next, outputs } = startNotifier(SUBSCRIPTION, call.now)
  transfer.notifier = next
  carryOut(call, transfer, outputs)
}

/** Long enough for a phone to ring in; a transfer that takes longer is not followed to its end. */
const SUBSCRIPTION = { expires: 180, pending: false, gap: NO_GAP }

function findTarget(call: Call, transfer: Transfer): void {
  const { replaces } = transfer
  if (replaces === undefined) return planTarget(call, transfer)
  const tag = call.ask({ kind: 'taken' })
  const asker = call.leg(transfer.by)?.party.aor
  // Who is transferred talks: it picks up nothing that rings.
  call.outputs.push({ kind: 'take', tag, which: replaces, asker, canBeAnswered: false })
}

function planTarget(call: Call, transfer: Transfer): void {
  const uri = parseUri(transfer.target)
  if (uri === undefined) return transferFailed(call, refusalOf(416))
  const tag = call.ask({ kind: 'transfer-plan' })
  const as = contactName(call.leg(transfer.who))
  call.outputs.push({ kind: 'plan', tag, uri, as })
}

export function targetPlanned(call: Call, { plan, contacts }: Planned): void {
  const { transfer } = call.state
  if (transfer === undefined) return
  if (plan.kind !== 'fork')
    return transferFailed(call, refusalOf(plan.kind === 'service' ? 603 : plan.status))
  startAttempt(call, {
    purpose: 'transfer',
    to: `<${uriOf(plan.callee.aor)}>`,
    plan,
    contacts,
    endAt: after(call.now, call.config.ringTimeout),
  })
}

/** Attended, and the other call rings still, or is gone: it is called anew, as phones expect. */
export function transferUntaken(call: Call, transfer: Transfer): void {
  if (call.state.phase === 'up') planTarget(call, transfer)
}

/** Attended: the other call gave its leg; false when nobody is there to talk to it. */
export function transferTaken(call: Call, leg: Leg): boolean {
  const { transfer, phase } = call.state
  const who = transfer && call.leg(transfer.who)
  if (transfer === undefined || who === undefined || phase !== 'up') return false
  moveTo(call, transfer, who, leg)
  return true
}

/** The two are committed as talking to each other: so they are to. */
export function joinMoved(call: Call, { who: id }: Transfer): void {
  const who = call.leg(id)
  const leg = who && call.peerOf(who)
  if (who === undefined || leg === undefined) return
  const isOutdated = who.outdated === true || leg.outdated === true
  if (isOutdated || isNegotiating(call, who)) agreeAnew(call, who, leg)
  else connect(call, who, leg)
}

/** What was about to be agreed with the transferor, or had to be, counts no more. */
export function agreeAnew(call: Call, who: Leg, leg: Leg): void {
  refuseServed(call)
  call.state.join = undefined
  if (!call.config.anchor) return connect(call, who, leg)
  // Its answer to what it was told may have been for the transferor.
  who.outdated = true
  // Or else as soon as a loss is committed (`lossSaved`).
  if (!call.awaits('loss-saved')) renew(call, who, leg)
}

/** A transfer that another process began: the target goes on ringing, or is called now. */
export function goOn(call: Call): void {
  const { transfer, attempt, legs } = call.state
  if (transfer === undefined) return
  // Media may not have heard it yet, and the transferor has not.
  if (isMoved(call, transfer)) return joinMoved(call, transfer)
  // It has come to nothing, and the transferor may not have heard that: it is notified again.
  if (transfer.status >= 300) {
    if (transfer.notifier === undefined) transferTold(call, transfer)
    return
  }
  if (transfer.notifier === undefined && transfer.notified) startTelling(call, transfer)
  const target = legs.find(({ id, state, peer }) => {
    return state === 'up' && peer === undefined && id !== transfer.by
  })
  if (target !== undefined) return moveOn(call, transfer, target)
  if (attempt === undefined || isDecided(attempt)) return findTarget(call, transfer)
  inheritAttempt(call, attempt)
}

/** The target has answered, but no offer of the one it is for: they agree from now on. */
export function moveOn(call: Call, transfer: Transfer, target: Leg): void {
  const who = call.leg(transfer.who)
  if (who === undefined) return leave(call, target, '')
  moveTo(call, transfer, who, target)
  agreeAnew(call, who, target)
}

/** They talk to each other, and the transferor to nobody. */
export function moveTo(call: Call, transfer: Transfer, who: Leg, to: Leg): void {
  const by = call.leg(transfer.by)
  if (by !== undefined) {
    by.peer = undefined
    if (call.config.anchor && isOwedAnswer(by)) answerAlone(call, by)
  }
  // Whoever takes the transferor's place is that side of the call from now on.
  to.side = by?.side ?? to.side
  call.state.record.forwardedBy = transferorOf(call, transfer)
  join(who, to)
}

/** Who is transferred talks to the target; before that, joins are about something else. */
function isMoved(call: Call, { by }: Transfer): boolean {
  return call.leg(by)?.peer === undefined
}

function transferorOf(call: Call, { by }: Transfer): string | undefined {
  const party = call.leg(by)?.party
  return party?.aor ?? party?.uri
}

/** Both legs have what they need: commit, then tell the transferor. */
export function transferJoined(call: Call): void {
  call.save({ kind: 'transfer-saved' })
  for (const leg of call.state.legs) call.changed(leg.id)
}

export function transferSaved(call: Call): void {
  const { transfer } = call.state
  if (transfer === undefined || !isMoved(call, transfer)) return
  conclude(call, transfer, 200, 'OK')
}

export function transferProgress(call: Call, status: number, reason: string): void {
  const { transfer } = call.state
  if (transfer === undefined || transfer.status >= status) return
  transfer.status = status
  transfer.reason = flat(reason)
  step(call, transfer, { kind: 'changed' })
}

/** Nobody took the transferee: it stays with the transferor, if that one is still there. */
export function transferFailed(call: Call, refusal: Refusal): void {
  const { transfer } = call.state
  if (transfer === undefined) return
  conclude(call, transfer, refusal.status, refusal.reason ?? reasonPhrase(refusal.status))
  const by = call.leg(transfer.by)
  if (by?.state !== 'up') finish(call, { ...refusal, cause: 'transfer failed', by: 'system' })
}

function conclude(call: Call, transfer: Transfer, status: number, reason: string): void {
  transfer.status = status
  transfer.reason = reason
  if (transfer.notifier === undefined) return transferTold(call, transfer)
  step(call, transfer, { kind: 'end', reason: 'noresource' })
}

/** The transferor knows how it ended; after a success it is no part of the call any more. */
function transferTold(call: Call, transfer: Transfer): void {
  call.state.transfer = undefined
  const by = call.leg(transfer.by)
  if (transfer.status === 200 && by?.state === 'up') leave(call, by, '')
  // Or a successor begins to tell it once more.
  call.saveSoon()
}

function step(call: Call, transfer: Transfer, input: NotifierInput): void {
  if (transfer.notifier === undefined) return
  const { next, outputs } = stepNotifier(transfer.notifier, input, call.now)
  transfer.notifier = next
  carryOut(call, transfer, outputs)
}

function carryOut(call: Call, transfer: Transfer, outputs: readonly NotifierOutput[]): void {
  const by = call.leg(transfer.by)
  for (const output of outputs) {
    if (output.kind === 'ended') {
      transfer.notifier = undefined
      if (transfer.status >= 200) transferTold(call, transfer)
    } else if (by?.dialog !== undefined) {
      const headers = [
        ['event', transfer.event],
        ['subscription-state', output.subscriptionState],
      ] as const
      const body = sipfrag(transfer.status, transfer.reason)
      const options = { headers, body, contentType: SIPFRAG }
      call.request(by, by.hop, 'NOTIFY', { kind: 'notify', leg: by.id }, options)
    }
  }
}

export function notifyAnswered(call: Call, response: SipResponse | undefined): void {
  const { transfer } = call.state
  if (transfer === undefined) return
  step(
    call,
    transfer,
    response === undefined ? { kind: 'unanswered' } : { kind: 'answered', status: response.status },
  )
}

export function wakeTransfer(call: Call): void {
  if (call.state.transfer !== undefined) step(call, call.state.transfer, { kind: 'wake' })
}

/** True when who has left, or does not answer any more, had only transferred the other one. */
export function goesOnWithout(call: Call, leg: Leg): boolean {
  if (!isDispensable(call, leg)) return false
  leave(call, leg, '')
  forsake(call, leg)
  releaseEarly(call, leg)
  return true
}

function isDispensable(call: Call, leg: Leg): boolean {
  const { transfer } = call.state
  if (transfer?.by === leg.id)
    return transfer.status < 300 && call.leg(transfer.who)?.state === 'up'
  return (
    leg.peer === undefined && call.state.legs.some((each) => each !== leg && each.state === 'up')
  )
}

/** The call ends in the middle of it; the BYE tells the transferor all it needs. */
export function endTransfer(call: Call): void {
  call.state.transfer = undefined
  call.state.join = undefined
}
