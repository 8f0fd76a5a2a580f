//! The 2xx of a device: the winner is connected, everybody else is told to stop. The confirmed call
//! is committed before the caller gets its 2xx (DESIGN §4 rule 2).
//!
//!   2xx --> media: answer made over --> commit --> ACK, 2xx to the caller
//!   2xx with an offer --> media: offer made over --> commit --> 2xx to the caller --its ACK-->
//!                                                     media: answer made over --> ACK

import { after } from '../../../src/base/time.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import { confirmDialog } from '../../../src/sip/dialog/dialog.ts'
import { sessionTimerFrom2xx } from '../../../src/sip/dialog/session-timer.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { flat } from '../../../src/sip/message/text.ts'
import { allow, cseq, toTag } from '../../../src/sip/message/views.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import { uriOf } from '../events/aor.ts'
import { timerPolicy } from './admission.ts'
import { earlyDialog } from './branch.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { accept } from './face.ts'
import { cancelOthers, ELSEWHERE, isLive } from './fork.ts'
import { hopAnswered } from './hop.ts'
import { asksForPrivacy } from './identity.ts'
import { acknowledge, join, leave } from './leg.ts'
import { isGone } from './media-loss.ts'
import type { Then } from './pending.ts'
import { refusalOf, sipReason } from './refusal.ts'
import { printOf, sdpOf } from './sdp.ts'
import { startTimer } from './session.ts'
import {
  CALLER,
  type Attempt,
  type Branch,
  type EarlyDialog,
  type Leg,
  type LegId,
} from './state.ts'

export function branchAnswered(call: Call, id: LegId, response: SipResponse, source: Source): void {
  const tag = toTag(response)
  const known = call.state.legs.find(
    (leg) => leg.branch === id && leg.dialog?.remote.tag === (tag ?? ''),
  )
  if (known !== undefined) return acknowledgeAgain(call, known)
  const { attempt } = call.state
  const branch = call.branch(id)
  if (attempt === undefined || branch === undefined) return
  const early = earlyDialog(call, attempt, branch, response)
  if (early === undefined) return
  const wanted = attempt.lingerUntil === undefined && isLive(branch)
  const leg = legOf(call, { branch, early, wanted }, response, source)
  call.state.legs.push(leg)
  if (!wanted) return tooLate(call, leg, response)
  branch.state = 'answered'
  attempt.answeredBy = leg.id
  attempt.waiting = []
  attempt.lingerUntil = after(call.now, HOPE)
  branch.early.length = 0
  cancelOthers(call, attempt, id, ELSEWHERE)
  takeWinner(call, { attempt, branch, early, leg }, response)
}

type Winner = {
  readonly attempt: Attempt
  readonly branch: Branch
  readonly early: EarlyDialog
  readonly leg: Leg
}

function takeWinner(call: Call, winner: Winner, response: SipResponse): void {
  const { attempt, branch, early, leg } = winner
  const step = call.passed(leg, 'remote', response)
  const sdp = sdpOf(response) ?? early.sdp
  if (step?.kind !== 'taken' || sdp === undefined)
    return finish(call, refusalOf(500, 'the device answered without a description'))
  leg.sdp = sdp
  // It had its PRACK from a process before this one, perhaps of media that is no more; or none.
  if (leg.exchange.offer?.in === 'INVITE 1xx-rel') {
    leg.exchange = { ...leg.exchange, offer: undefined, settled: true }
    leg.outdated = true
  }
  const offer = step.meaning === 'offer'
  if (branch.request !== undefined)
    startTimer(call, leg, sessionTimerFrom2xx(timerPolicy(call.config), branch.request, response))
  if (attempt.purpose === 'transfer') return call.save({ kind: 'target-saved', leg: leg.id })
  const caller = call.leg(CALLER)
  if (caller === undefined) return
  join(caller, leg)
  const { record } = call.state
  record.answeredBy = leg.party.aor ?? leg.party.uri
  record.calleeSipCallId = leg.dialog?.callId
  record.calleeUserAgent = userAgentOf(response)
  const then = { kind: 'answer', leg: leg.id, face: early.face?.tag ?? '' } as const
  const { invite } = call.state
  // A delayed offer that was answered in a PRACK: media has both descriptions already.
  if (!offer && invite?.offer === undefined) {
    const answered = invite?.faces.filter(({ exchange }) => exchange.settled) ?? []
    // It may have connected the caller to another device since.
    if (answered.length > 1) leg.outdated = true
    return answerReady(call, then, undefined)
  }
  const kind = offer ? 'relay-offer' : 'relay-answer'
  call.relay(kind, leg.media, caller, sdp, then)
}

function userAgentOf({ headers }: SipResponse): string {
  return flat(headers.get('user-agent') ?? headers.get('server') ?? '')
}

type ToAnswer = Then & { readonly kind: 'answer' }

export function answerMade(call: Call, then: ToAnswer, result: MediaResult): void {
  if (result.ok) answerReady(call, then, result.value)
  else if (isGone(result) && then.again !== true) answerElsewhere(call, then)
  else finish(call, refusalOf(488))
}

function answerElsewhere(call: Call, then: ToAnswer): void {
  const callee = call.leg(then.leg)
  // Of a delayed offer it has not been told anything of media yet.
  if (callee !== undefined && call.state.invite?.offer !== undefined) callee.outdated = true
  answerAnew(call, { ...then, again: true })
}

/** Media hears once more what both have said. */
export function answerAnew(call: Call, then: ToAnswer): void {
  const { invite } = call.state
  const caller = call.leg(CALLER)
  const callee = call.leg(then.leg)
  if (invite === undefined || caller === undefined || callee?.sdp === undefined) return
  const { offer } = invite
  if (offer === undefined) return call.relay('relay-offer', callee.media, caller, callee.sdp, then)
  call.relayAgain(caller, offer, callee, callee.sdp, then)
}

/** What the caller is to be told is known: commit, then tell it. */
export function answerReady(
  call: Call,
  { leg, face }: Pick<ToAnswer, 'leg' | 'face'>,
  sdp: Sdp | undefined,
): void {
  if (call.state.invite === undefined || call.state.phase !== 'setup') return
  // Who was told something else may go by that: both are told anew.
  const { toldBefore } = call
  if (toldBefore !== undefined && printOf(toldBefore) !== printOf(sdp))
    for (const each of [call.leg(leg), call.leg(CALLER)]) if (each) each.outdated = true
  call.state.answering = { leg, face, sdp, at: call.state.record.answeredAt ?? call.wall() }
  call.save({ kind: 'answer-saved' })
}

export function answerSaved(call: Call, committed: boolean): void {
  const { phase, answering } = call.state
  if (answering === undefined || phase !== 'setup') return
  // Who stays in a call that somebody comes into goes on talking all the same.
  if (!committed && !call.state.pickedUp)
    return finish(call, refusalOf(503, 'the call could not be stored'))
  call.changed(answering.leg)
  // Not before: a device whose 2xx is not acknowledged says it again, to a successor too.
  const leg = call.leg(answering.leg)
  if (leg?.owesAck === true && leg.exchange.offer === undefined) acknowledge(call, leg, undefined)
  accept(call, answering)
}

/** A 2xx repeated because our ACK was lost (RFC 3261 §13.2.2.4). */
function acknowledgeAgain(call: Call, leg: Leg): void {
  if (!leg.owesAck || leg.state === 'gone') acknowledge(call, leg, leg.ackSdp)
}

/** A 2xx that crossed a CANCEL, or came second: acknowledged and hung up at once. */
function tooLate(call: Call, leg: Leg, response: SipResponse): void {
  call.passed(leg, 'remote', response)
  const answered = call.state.attempt?.answeredBy !== undefined
  leave(call, leg, answered ? ELSEWHERE : sipReason(487, 'cancelled'))
}

function legOf(
  call: Call,
  { branch, early, wanted }: { branch: Branch; early: EarlyDialog; wanted: boolean },
  response: SipResponse,
  source: Source,
): Leg {
  const dialog = confirmDialog(early.dialog, response)
  // A fork further on may answer twice; only the first keeps the branch's own number.
  const first = call.leg(branch.leg) === undefined
  return {
    id: first ? branch.leg : call.newLegId(),
    branch: branch.leg,
    party: { aor: branch.target.aor, name: branch.target.name, uri: uriOf(branch.target.aor) },
    hidden: asksForPrivacy(response),
    side: 'callee',
    state: 'up',
    hop: hopAnswered(branch.target, response, source),
    media: branch.media,
    dialog,
    // The session of a branch that lost is released with it.
    released: !wanted,
    exchange: early.exchange,
    canUpdate: allow(response).includes('UPDATE') || early.canUpdate,
    sdp: undefined,
    told: branch.told,
    peer: undefined,
    held: false,
    service: undefined,
    accepted: undefined,
    timer: undefined,
    probeAt: undefined,
    byeReason: undefined,
    invitedCseq: cseq(response)?.number ?? branch.cseq,
    owesAck: true,
    ackSdp: undefined,
    // A delayed offer is answered with media of ours.
    outdated: branch.outdated === true,
  }
}
