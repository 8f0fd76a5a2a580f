//! How a call ends: everybody is told, media gives its counters, one CDR goes out.
//!
//!   finish --> ending: BYE, CANCEL, final answers; media sessions released
//!          --> counters in: the CDR is proposed, the snapshot goes with it --> ended

import { after } from '../../../src/base/time.ts'
import type { MediaId, MediaReport } from '../../../src/control/media-control.ts'
import { confirmDialog } from '../../../src/sip/dialog/dialog.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import type { Call } from './call.ts'
import { cdrOf } from './cdr.ts'
import { cancelOthers } from './fork.ts'
import { stepSender } from './face.ts'
import { leave } from './leg.ts'
import { losePatience } from './patience.ts'
import { causeOf, sipReason } from './refusal.ts'
import { endTransfer } from './transfer.ts'
import { CALLER, type Refusal } from './state.ts'

/**
 * Ends the call, whatever state it is in. `refusal` answers an INVITE still open, and tells the
 * record and the parties why; a normal hang-up has status 200. `reason` is the Reason header to
 * pass on (RFC 3326).
 */
export function finish(call: Call, refusal: Refusal, reason?: string): void {
  const { state } = call
  if (state.phase === 'ending' || state.phase === 'ended') return
  const wasAnswered = state.record.answeredAt !== undefined
  state.phase = 'ending'
  call.saveAt = undefined
  call.hear()
  state.announcement = undefined
  state.answering = undefined
  writeEnd(call, refusal, wasAnswered)
  const why = reason ?? reasonOf(refusal)
  const first = state.invite?.key
  answerInvite(call, refusal)
  for (const serving of call.serving.values()) if (serving.key !== first) call.respond(serving, 487)
  call.serving.clear()
  endTransfer(call)
  if (state.pickingUp !== undefined)
    call.outputs.push({ kind: 'picked-up', to: state.pickingUp, leg: undefined })
  if (state.attempt !== undefined) {
    state.attempt.waiting = []
    state.attempt.lingerUntil ??= after(call.now, HOPE)
    cancelOthers(call, state.attempt, undefined, why === '' ? undefined : why)
  }
  losePatience(call, true)
  for (const leg of state.legs) leave(call, leg, why)
  call.release(mediaOf(call), { kind: 'reports' })
}

/** A process before this one ended it, and did not live to see its record stored. */
export function endAgain(call: Call): void {
  call.state.phase = 'ending'
  call.release(mediaOf(call), { kind: 'reports' })
}

/** Of every leg. Devices that did not win have lost their sessions already. */
function mediaOf(call: Call): MediaId[] {
  if (!call.config.anchor) return []
  const media = new Set<MediaId>()
  for (const leg of call.state.legs) if (!leg.released) media.add(leg.media)
  return [...media]
}

function writeEnd(call: Call, refusal: Refusal, wasAnswered: boolean): void {
  const { record } = call.state
  record.endedAt = call.wall()
  record.endedBy = refusal.by
  record.cause = causeOf(refusal)
  record.status = wasAnswered ? 200 : refusal.status
}

/** Who hangs up or gives up says why by doing so. */
function reasonOf(refusal: Refusal): string {
  return refusal.status === 200 || refusal.by === 'caller'
    ? ''
    : sipReason(refusal.status, causeOf(refusal))
}

function answerInvite(call: Call, refusal: Refusal): void {
  const { invite } = call.state
  if (invite === undefined) return
  call.state.invite = undefined
  const { status, reason, headers } = refusal
  const toTag = invite.faces[0]?.tag ?? call.newTag(CALLER)
  const options = { toTag, headers, ...(reason === undefined ? {} : { reason }) }
  stepSender(call, invite, { kind: 'finished' })
  call.respond(invite, status === 200 ? 487 : status, options)
  const caller = call.leg(CALLER)
  if (caller === undefined) return
  caller.state = 'gone'
  const dialog = invite.faces[0]?.dialog
  if (call.state.record.answeredAt === undefined || dialog === undefined) return
  // Another process answered it, and it may have heard that: then it is in the call.
  caller.dialog = confirmDialog(dialog)
  caller.state = 'up'
}

export function reportsIn(call: Call, reports: readonly MediaReport[]): void {
  call.reports ??= reports
}

/**
 * The counters are in, and every BYE has left: the CDR goes out, once. After it no successor knows
 * of the call, and who still owed us an ACK would never hear its BYE.
 */
export function settleEnd(call: Call): void {
  const { state, reports } = call
  if (state.phase !== 'ending' || reports === undefined) return
  if (state.legs.some(({ byeReason }) => byeReason !== undefined)) return
  // The call that gave a leg ends first: a successor that knows of neither would give it back.
  if (call.awaits('taken-saved')) return
  state.phase = 'ended'
  call.outputs.push({ kind: 'end', cdr: cdrOf(call, reports) })
}

/** Nothing can come any more: no transaction of ours runs, nobody owes us an ACK or a leg. */
export function isOver(call: Call): boolean {
  const { state } = call
  if (state.phase !== 'ended' || state.awaitsPicker) return false
  const waits = state.legs.some(
    ({ accepted, byeReason, byeAgain }) =>
      accepted !== undefined || byeReason !== undefined || byeAgain !== undefined,
  )
  return !waits && call.sent.size === 0
}
