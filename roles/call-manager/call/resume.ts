//! Media, store, routing or another call has answered: on with what waited for it. Whatever has
//! happened to the call in between, each continuation looks at the state as it is now.

import { unreachable } from '../../../src/base/assert.ts'
import { reportsIn } from './end.ts'
import { answerMade, answerSaved } from './answer.ts'
import { lateAnswerReady } from './acked.ts'
import { promptReady } from './announce.ts'
import type { Call, MediaResult } from './call.ts'
import { endpointOf, type Endpoint } from './endpoint.ts'
import { showProgress } from './face.ts'
import { branchOver } from './branch.ts'
import { begun, cancelBranch, invite, isLive, prepare, releaseBranch } from './fork.ts'
import { branchReady } from './inherit.ts'
import type { CallInput } from './io.ts'
import { connected, turnDone } from './join.ts'
import { heardOf, isGone, lossSaved } from './media-loss.ts'
import type { Then } from './pending.ts'
import { prackAnswerReady, prackSaved } from './prack.ts'
import { redirectPlanned } from './redirect.ts'
import { refusalOf } from './refusal.ts'
import { completeServing, reanswerReady, reofferReady, reofferSaved } from './reoffer.ts'
import { serviceAnsweredAgain, serviceReady } from './service.ts'
import { refreshOfferReady } from './session.ts'
import { hereReady, notTaken, takeIn, takenSaved } from './takeover.ts'
import { CALLER } from './state.ts'
import { referSaved, targetPlanned, transferSaved, transferUntaken } from './transfer.ts'
import { targetAnswerReady, targetSaved, transferAnswerReady } from './transfer-target.ts'

type Of<Kind extends CallInput['kind']> = CallInput & { readonly kind: Kind }

export function onMedia(call: Call, { tag, result: told }: Of<'media'>): void {
  const asked = call.answered(tag)
  if (asked === undefined || call.state.phase === 'ending' || call.state.phase === 'ended') return
  const heard = heardOf(call, { tag, about: asked, result: told })
  if (heard === undefined) return
  const { about: then, result } = heard
  switch (then.kind) {
    case 'branch-offer':
      return branchOfferReady(call, then, result)
    case 'branch-again':
      return branchReady(call, then.branch, result)
    case 'early':
      return earlyReady(call, then, result)
    case 'answer':
      return answerMade(call, then, result)
    case 'late-answer':
      return lateAnswerReady(call, then, result)
    case 'prack-answer':
      return prackAnswerReady(call, then, result)
    case 'reoffer':
      return reofferReady(call, then.serving, result)
    case 'reanswer':
      return reanswerReady(call, then.serving, result)
    case 'service':
      return serviceReady(call, then.again, result)
    case 'rehere':
      return serviceAnsweredAgain(call, then.serving, result)
    case 'prompt':
      return promptReady(call, result)
    case 'refresh-offer':
      return refreshOfferReady(call, then.leg, result)
    case 'transfer-answer':
      return transferAnswerReady(call, then.leg, result)
    case 'target-answer':
      return targetAnswerReady(call, then, result)
    case 'join':
      return connected(call, then, result)
    case 'joined':
      return turnDone(call, then, result)
    case 'here':
      return hereReady(call, then.again, result)
    case 'nothing':
    case 'reports':
    case 'answer-saved':
    case 'prack-saved':
    case 'loss-saved':
    case 'begun-saved':
    case 'reoffer-saved':
    case 'reanswer-saved':
    case 'refer-saved':
    case 'transfer-saved':
    case 'target-saved':
    case 'transfer-plan':
    case 'redirect-plan':
    case 'taken':
    case 'taken-saved':
      return
    default:
      return unreachable(then)
  }
}

function branchOfferReady(
  call: Call,
  { branch: id, again }: Then & { kind: 'branch-offer' },
  result: MediaResult,
): void {
  const { attempt } = call.state
  const branch = call.branch(id)
  if (attempt === undefined || branch?.state !== 'preparing') return
  if (result.ok) return invite(call, attempt, branch, result.value)
  if (isGone(result) && !again) return prepare(call, attempt, branch, true)
  branch.state = 'over'
  releaseBranch(call, branch)
  const unreadable = result.error.kind === 'sdp-rejected'
  branchOver(call, attempt, unreadable ? refusalOf(488) : refusalOf(503, 'no media'))
  if (call.unheard !== undefined) begun(call, attempt)
}

function earlyReady(call: Call, then: Then & { kind: 'early' }, result: MediaResult): void {
  const end = endpointOf(call, then.early)
  if (end?.kind !== 'early' || end.early.face === undefined) return
  if (then.offer && !result.ok) return earlyOfferFailed(call, end, then, result)
  const { face } = end.early
  const { status, reason, reliable } = then
  // Ringing is told even when its sound cannot be.
  showProgress(call, face, { status, reason, reliable, sdp: result.ok ? result.value : undefined })
}

/** Without it nobody could answer: the answer goes in the device's PRACK. */
function earlyOfferFailed(
  call: Call,
  { branch, early, media }: Endpoint & { kind: 'early' },
  then: Then & { kind: 'early' },
  result: MediaResult,
): void {
  const { attempt } = call.state
  const caller = call.leg(CALLER)
  if (attempt === undefined || caller === undefined || early.sdp === undefined) return
  if (!isLive(branch)) return
  if (isGone(result) && then.again !== true)
    return call.relay('relay-offer', media, caller, early.sdp, { ...then, again: true })
  cancelBranch(call, branch, undefined)
  branchOver(call, attempt, refusalOf(488))
}

export function onReports(call: Call, { tag, reports }: Of<'reports'>): void {
  if (call.answered(tag)?.kind === 'reports') reportsIn(call, reports)
}

export function onSaved(call: Call, { tag, ok }: Of<'saved'>): void {
  const then = call.answered(tag)
  if (then?.kind === 'answer-saved') return answerSaved(call, ok)
  if (then?.kind === 'prack-saved') return prackSaved(call, then)
  if (then?.kind === 'reoffer-saved') return reofferSaved(call, then.serving, ok)
  if (then?.kind === 'reanswer-saved') return completeServing(call, then.serving, then.sdp)
  if (then?.kind === 'begun-saved') return call.hear()
  if (then?.kind === 'loss-saved') return lossSaved(call)
  if (then?.kind === 'taken-saved') return takenSaved(call, then.from)
  if (then?.kind === 'refer-saved') return referSaved(call, then.pending, ok)
  if (then?.kind === 'transfer-saved') return transferSaved(call)
  if (then?.kind === 'target-saved') return targetSaved(call, then.leg, ok)
}

export function onPlanned(call: Call, { tag, planned }: Of<'planned'>): void {
  const then = call.answered(tag)
  if (then?.kind === 'transfer-plan') targetPlanned(call, planned)
  if (then?.kind === 'redirect-plan') redirectPlanned(call, then.branch, then.status, planned)
}

export function onGiven(call: Call, given: Of<'given'>): void {
  if (call.answered(given.tag) === undefined) return
  if (given.outcome.kind === 'leg') takeIn(call, given.outcome, given.from)
  else if (call.state.transfer !== undefined) transferUntaken(call, call.state.transfer)
  else notTaken(call, given.outcome, given.from)
}
