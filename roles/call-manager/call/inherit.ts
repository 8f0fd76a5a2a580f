//! Phones that ring for a call of another process: its INVITEs are ours now, so that whoever
//! answers late is connected, and whoever is not wanted any more is told so.
//!
//!   ringing    --> the transaction goes on; a media session is made for the answer to come
//!                  an answer of the caller's that waits to go out in a PRACK is made over again
//!   calling    --> … and one more copy of the INVITE goes out: a phone that had it says again
//!                  what it answered (RFC 3261 §17.2.1), a phone that had not begins to ring
//!   cancelling --> CANCEL once more, also when another phone has answered
//!   preparing  --> begun anew: its INVITE never left

import type { Sdp } from '../../../src/control/media-control.ts'
import type { Call, MediaResult } from './call.ts'
import { branchOver } from './branch.ts'
import { showProgress } from './face.ts'
import {
  cancelBranch,
  ELSEWHERE,
  isLive,
  offerFor,
  offeredTo,
  onBehalfOf,
  prepare,
} from './fork.ts'
import { hopTo } from './hop.ts'
import { buildInvite } from './outgoing.ts'
import { answerEarlyAgain } from './prack.ts'
import { refusalOf } from './refusal.ts'
import { printOf } from './sdp.ts'
import type { Attempt, Branch, Leg, LegId } from './state.ts'

export function inheritAttempt(call: Call, attempt: Attempt): void {
  const party = onBehalfOf(call, attempt)
  if (party === undefined) return
  for (const branch of attempt.branches) inheritBranch(call, attempt, branch, party)
}

function inheritBranch(call: Call, attempt: Attempt, branch: Branch, party: Leg): void {
  if (branch.state === 'over' || branch.state === 'answered') return
  if (branch.state === 'preparing') return prepare(call, attempt, branch)
  const { tx } = branch
  if (tx === undefined) return
  branch.inherited = true
  branch.request = buildInvite(call, attempt, branch, party, undefined)
  call.resume(branch, tx, branch.request, hopTo(branch.target))
  if (branch.state === 'cancelling')
    return void call.outputs.push({ kind: 'cancel', tx, reason: reasonOf(attempt) })
  prepareAgain(call, attempt, branch, party)
  for (const { dialog } of branch.early) answerEarlyAgain(call, dialog.id)
}

/** Its media session is lost while it rings: it is offered the new one when it has answered. */
export function ringElsewhere(call: Call, attempt: Attempt, branch: Branch): void {
  const party = onBehalfOf(call, attempt)
  // What is being prepared begins again by itself when media says that it came to nothing.
  if (branch.state === 'preparing' || party === undefined) return
  prepareAgain(call, attempt, branch, party)
}

function reasonOf({ answeredBy }: Attempt): string | undefined {
  return answeredBy === undefined ? undefined : ELSEWHERE
}

function prepareAgain(call: Call, attempt: Attempt, branch: Branch, party: Leg): void {
  const offered = offeredTo(call, attempt, party)
  if (offered === undefined) return repeat(call, attempt, branch, undefined)
  // Until media says the same again (`branchReady`).
  branch.outdated = branch.told !== 0
  call.media(offerFor(call, branch, party, offered), {
    kind: 'branch-again',
    branch: branch.leg,
  })
}

export function branchReady(call: Call, id: LegId, result: MediaResult): void {
  const { attempt } = call.state
  const branch = call.branch(id)
  if (attempt === undefined || branch === undefined || !isLive(branch)) return
  if (result.ok) {
    // Its session lives: what it was told still holds.
    if (branch.told === printOf(result.value)) branch.outdated = false
    return repeat(call, attempt, branch, result.value)
  }
  cancelBranch(call, branch, undefined)
  branchOver(call, attempt, refusalOf(503, 'no media'))
}

function repeat(call: Call, attempt: Attempt, branch: Branch, sdp: Sdp | undefined): void {
  const party = onBehalfOf(call, attempt)
  const { tx } = branch
  if (branch.state !== 'calling' || tx === undefined || party === undefined) return
  const request = buildInvite(call, attempt, branch, party, sdp)
  call.outputs.push({ kind: 'repeat', tx, request })
}

/** The caller hears again that it rings: what it was told last may have been lost. */
export function ringAgain(call: Call): void {
  const { invite, record } = call.state
  if (record.rangAt === undefined) return
  // Its RSeq is used up, for the successor of this process too.
  call.saveSoon()
  const progress = { status: 180, reason: 'Ringing', reliable: false, sdp: undefined }
  for (const face of invite?.faces ?? [])
    if (face.dialog !== undefined) showProgress(call, face, progress)
}
