//! What a device answers to our INVITE: ringing, an early description, a refusal, a redirect. The
//! 2xx has its own file (`answer.ts`).

import { millis } from '../../../src/base/time.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import { dialogAsUac, resumeDialog } from '../../../src/sip/dialog/dialog.ts'
import { NO_EXCHANGE } from '../../../src/sip/dialog/offer-answer.ts'
import {
  NOTHING_RECEIVED,
  receiveProvisional,
} from '../../../src/sip/dialog/reliable-provisional.ts'
import { policyAfter422 } from '../../../src/sip/dialog/session-timer.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { allow, toTag } from '../../../src/sip/message/views.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import type { RequestFailure } from '../../../src/sip/stack.ts'
import { timerPolicy } from './admission.ts'
import { branchAnswered } from './answer.ts'
import { attemptFailed, attemptProgress } from './attempt-end.ts'
import type { Call } from './call.ts'
import { newFace } from './face.ts'
import { cancelOthers, inviteAgain, isLive, releaseBranch, ringNextGroup } from './fork.ts'
import { redirect } from './redirect.ts'
import { hopTo } from './hop.ts'
import { betterRefusal, refusalFrom, refusalOf } from './refusal.ts'
import { sdpBody, sdpOf } from './sdp.ts'
import type { Attempt, Branch, EarlyDialog, LegId, Refusal } from './state.ts'

export function branchResponded(
  call: Call,
  id: LegId,
  response: SipResponse,
  source: Source,
): void {
  const { attempt } = call.state
  const branch = call.branch(id)
  const { status } = response
  if (status >= 200 && status < 300) return branchAnswered(call, id, response, source)
  if (attempt === undefined || branch === undefined) return
  if (status >= 300) return branchRefused(call, attempt, branch, response)
  if (status > 100 && isLive(branch)) onProvisional(call, attempt, branch, response)
}

function onProvisional(call: Call, attempt: Attempt, branch: Branch, response: SipResponse): void {
  branch.state = 'ringing'
  call.saveSoon()
  const early = earlyDialog(call, attempt, branch, response)
  // Without a To tag there is no dialog, and nothing but the ringing to tell (RFC 3261 §12.1).
  if (early === undefined) return attemptProgress(call, attempt, branch, undefined, response)
  const reception = receiveProvisional(early.receiver, response)
  if (reception.kind === 'ignore') return
  const step = call.passed(early, 'remote', response)
  const sdp = sdpOf(response)
  if (sdp !== undefined) early.sdp = sdp
  const meaning = step?.kind === 'taken' ? step.meaning : 'none'
  if (reception.kind === 'prack') {
    early.receiver = reception.next
    // An offer is answered in the PRACK, which has to wait for the caller's (RFC 3262 §5).
    if (meaning === 'offer') early.rack = reception.rack
    else sendPrack(call, branch, early, reception.rack, undefined)
  }
  attemptProgress(call, attempt, branch, early, response, meaning)
}

export function sendPrack(
  call: Call,
  branch: Branch,
  early: EarlyDialog,
  rack: string,
  sdp: Sdp | undefined,
): void {
  call.saveSoon()
  call.request(
    early,
    hopTo(branch.target),
    'PRACK',
    { kind: 'quiet' },
    {
      headers: [['rack', rack]],
      ...sdpBody(sdp),
    },
  )
}

/** The early dialog this response belongs to, made when it is the first of its To tag. */
export function earlyDialog(
  call: Call,
  attempt: Attempt,
  branch: Branch,
  response: SipResponse,
): EarlyDialog | undefined {
  const tag = toTag(response)
  if (branch.request === undefined || tag === undefined) return undefined
  const known = branch.early.find(({ dialog }) => dialog.remote.tag === tag)
  if (known !== undefined) return known
  const begun = dialogAsUac(branch.request, response)
  if (begun === undefined) return undefined
  // Who sent the INVITE may have sent more in this dialog, and so may a successor before this one.
  const age = millis(Math.max(0, call.wall() - call.state.record.startedAt))
  const dialog = branch.inherited === true ? resumeDialog(begun, age) : begun
  const early: EarlyDialog = {
    dialog,
    exchange: NO_EXCHANGE,
    receiver: NOTHING_RECEIVED,
    canUpdate: allow(response).includes('UPDATE'),
    sdp: undefined,
    rack: undefined,
    face: attempt.purpose === 'call' ? newFace(call) : undefined,
  }
  call.exchanged(early, 'local', 'INVITE', branch.told !== 0)
  branch.early.push(early)
  return early
}

function branchRefused(call: Call, attempt: Attempt, branch: Branch, response: SipResponse): void {
  const wasLive = isLive(branch)
  if (wasLive && response.status === 422) {
    const policy = timerPolicy(call.config)
    const minSe = branch.minSe ?? policy.minSe
    const next = policyAfter422({ ...policy, minSe }, response)
    if (next !== undefined) return inviteAgain(call, attempt, branch, next.minSe)
  }
  branch.state = 'over'
  if (!wasLive) return
  releaseBranch(call, branch)
  if (attempt.lingerUntil !== undefined) return
  call.saveSoon()
  if (response.status < 400) return redirect(call, attempt, branch, response)
  branchOver(call, attempt, refusalFrom(response))
}

/** One branch less; `refusal` says why. A 6xx ends the whole attempt (RFC 3261 §16.7). */
export function branchOver(call: Call, attempt: Attempt, refusal: Refusal): void {
  attempt.refusal = betterRefusal(attempt.refusal, refusal)
  if (refusal.status >= 600) {
    attempt.waiting = []
    cancelOthers(call, attempt, undefined, undefined)
    return attemptFailed(call, attempt)
  }
  if (!attempt.branches.some(isLive)) ringNextGroup(call, attempt)
}

/** Nobody answered the INVITE at all, or it could not be sent. */
export function branchFailed(call: Call, id: LegId, cause: RequestFailure): void {
  const { attempt } = call.state
  const branch = call.branch(id)
  if (attempt === undefined || branch === undefined) return
  const wasLive = isLive(branch)
  branch.state = 'over'
  if (!wasLive) return
  releaseBranch(call, branch)
  if (attempt.lingerUntil !== undefined) return
  branchOver(call, attempt, refusalOf(480, cause === 'timeout' ? 'no answer' : 'not reachable'))
}
