//! The caller's side of an INVITE that is not answered yet: early dialogs, provisional responses
//! (reliable ones by RFC 3262 when the caller can), and the 2xx.

import type { Sdp } from '../../../src/control/media-control.ts'
import { awaitAck } from '../../../src/sip/dialog/ack-2xx.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import { after, millis } from '../../../src/base/time.ts'
import { confirmDialog, dialogAsUas } from '../../../src/sip/dialog/dialog.ts'
import { NO_EXCHANGE } from '../../../src/sip/dialog/offer-answer.ts'
import {
  isUnacknowledged,
  resumeSender,
  stepReliable,
  type SenderInput,
  type SenderOutput,
} from '../../../src/sip/dialog/reliable-provisional.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { cseq } from '../../../src/sip/message/views.ts'
import { ALLOW, SUPPORTED } from './admission.ts'
import type { Call } from './call.ts'
import { finish } from './end.ts'
import { addressOf } from './identity.ts'
import { renew } from './join.ts'
import { awaitedUntil, isAwaited } from './reach.ts'
import { renewService } from './service.ts'
import { refusalOf } from './refusal.ts'
import { printOf, sdpBody, sdpOf } from './sdp.ts'
import { startTimer } from './session.ts'
import { callerAnswered } from './takeover.ts'
import { CALLER, type Answering, type CallerInvite, type Face, type Leg } from './state.ts'

/** A To tag of its own for one more early dialog; undefined once the INVITE is answered. */
export function newFace(call: Call): Face | undefined {
  const { invite } = call.state
  if (invite === undefined) return undefined
  const tag = call.newTag(CALLER)
  const face: Face = { tag, exchange: NO_EXCHANGE, dialog: undefined }
  call.exchanged(face, 'remote', 'INVITE', invite.offer !== undefined)
  invite.faces.push(face)
  return face
}

/** Any face, for what belongs to no early dialog in particular. */
export function someFace(call: Call): Face | undefined {
  return call.state.invite?.faces[0] ?? newFace(call)
}

export type Progress = {
  readonly status: number
  readonly reason: string
  /** The callee sent it reliably. */
  readonly reliable: boolean
  readonly sdp: Sdp | undefined
}

/** Sends a provisional response in this early dialog. */
export function showProgress(call: Call, face: Face, progress: Progress): void {
  const { invite } = call.state
  if (invite === undefined || invite.held2xx) return
  const { status, reason, sdp } = progress
  openDialog(call, invite, face)
  const reliably =
    invite.reliable === 'required' || (invite.reliable === 'supported' && progress.reliable)
  const headers: (readonly [string, string])[] = [
    ['contact', invite.contact],
    ['allow', ALLOW],
  ]
  if (reliably) headers.push(['require', '100rel'], ['rseq', String(invite.sender.nextRseq)])
  const options = { toTag: face.tag, reason, headers, ...sdpBody(sdp) }
  const response = reply(invite.request, status, options)
  call.passed(face, 'local', response)
  tellCaller(call, sdp)
  if (!reliably) return respondOnce(call, invite, response)
  const rseq = invite.sender.nextRseq
  invite.unacknowledged.push({ rseq, response, sdp: sdp !== undefined })
  stepSender(call, invite, { kind: 'respond' })
}

/** The early dialog that a response with this face's tag makes. */
export function openDialog(call: Call, invite: CallerInvite, face: Face): void {
  const options = { state: 'early', localTag: face.tag, contact: invite.contact } as const
  face.dialog ??= dialogAsUas(invite.request, options)
  call.changed(CALLER)
}

function tellCaller(call: Call, sdp: Sdp | undefined): void {
  const caller = call.leg(CALLER)
  if (caller !== undefined && sdp !== undefined) caller.told = printOf(sdp)
}

function respondOnce(call: Call, invite: CallerInvite, response: SipResponse): void {
  call.outputs.push({ kind: 'respond', key: invite.key, response })
}

/** Drives the reliable responses; returns what it decided. */
export function stepSender(
  call: Call,
  invite: CallerInvite,
  input: SenderInput,
): readonly SenderOutput[] {
  const { next, outputs } = stepReliable(invite.sender, input, call.now)
  invite.sender = next
  for (const output of outputs) {
    if (output.kind === 'transmit') {
      const found = invite.unacknowledged.find(({ rseq }) => rseq === output.rseq)
      if (found !== undefined) respondOnce(call, invite, found.response)
    } else if (output.kind === 'acknowledged') {
      const index = invite.unacknowledged.findIndex(({ rseq }) => rseq === output.rseq)
      if (index !== -1) invite.unacknowledged.splice(index, 1)
    } else if (output.kind === 'gave-up') {
      pracksMissing(call, invite)
    }
  }
  return outputs
}

/** Nobody has acknowledged a reliable response: its caller is gone, or may be on its way back. */
function pracksMissing(call: Call, invite: CallerInvite): void {
  const caller = call.leg(CALLER)
  if (caller === undefined || !isAwaited(call, caller, 408))
    return finish(call, refusalOf(504, 'caller sent no PRACK'))
  const left = invite.unacknowledged.map(({ rseq }) => rseq)
  const giveUpAt = millis(Math.min(after(call.now, HOPE), awaitedUntil(call, caller)))
  invite.sender = resumeSender(invite.sender, left, call.now, giveUpAt)
}

/**
 * Answers the caller: `sdp` is the answer, or after a delayed offer the offer. Waits while a
 * reliable response with a description is not acknowledged (RFC 3262 §3).
 */
export function accept(call: Call, { leg, face: tag, sdp }: Answering): void {
  const { invite } = call.state
  const caller = call.leg(CALLER)
  const face = invite?.faces.find((each) => each.tag === tag)
  if (invite === undefined || face === undefined || caller === undefined) return
  const waits = isUnacknowledged(invite.sender) && invite.unacknowledged.some((each) => each.sdp)
  invite.held2xx = waits
  if (waits) return
  stepSender(call, invite, { kind: 'finished' })
  const settled = face.exchange.offer === undefined && face.exchange.settled
  const headers: (readonly [string, string])[] = [
    ['contact', invite.contact],
    ['allow', ALLOW],
    ['supported', SUPPORTED],
    ...invite.timer.headers,
  ]
  const callee = call.leg(leg)
  if (callee !== undefined && callee !== caller && !callee.hidden)
    headers.push(['p-asserted-identity', addressOf(callee.party)])
  const body = settled ? {} : sdpBody(sdp)
  const response = reply(invite.request, 200, { toTag: face.tag, headers, ...body })
  call.passed(face, 'local', response)
  if (!settled) tellCaller(call, sdp)
  // It had its answer reliably before: of media that is gone since, perhaps.
  else if (call.state.pickedUp && caller.told !== printOf(sdp)) caller.outdated = true
  openDialog(call, invite, face)
  respondOnce(call, invite, response)
  confirmCaller(call, caller, face, invite, response)
  // Who answered has hung up meanwhile.
  if (callee?.state === 'gone')
    return finish(call, { ...refusalOf(200, 'normal clearing'), by: 'callee' })
  callerAnswered(call)
  if (call.leg(CALLER) === undefined) return
  if (callee?.outdated !== true || call.awaits('loss-saved')) return
  if (callee === caller) renewService(call, caller)
  else renew(call, caller, callee)
}

/** A 2xx that may have had its ACK is repeated no longer than this: at 0.5 and 1.5 s. */
export const REPEATED = millis(2_000)

function confirmCaller(
  call: Call,
  caller: Leg,
  face: Face,
  invite: CallerInvite,
  response: SipResponse,
): void {
  // A process before this one came as far.
  const repeated = call.state.record.answeredAt !== undefined
  const { key, request, source, timer } = invite
  const agreed = { sdp: sdpOf(response), granted: timer }
  const owesAnswerTo = face.exchange.offer === undefined ? undefined : caller.peer
  caller.state = 'up'
  caller.dialog = face.dialog && confirmDialog(face.dialog)
  caller.exchange = face.exchange
  caller.accepted = {
    request,
    source,
    response,
    of: repeated ? 'inherited' : 'call',
    waiting: awaitAck(cseq(request)?.number ?? 0, call.now, repeated ? REPEATED : HOPE),
    owesAnswerTo,
    open: { key, request, source, agreed },
  }
  startTimer(call, caller, timer.terms)
  call.state.invite = undefined
  call.state.answering = undefined
  call.state.phase = 'up'
  call.state.record.answeredAt ??= call.wall()
  call.state.record.status = 200
  call.changed(CALLER)
}

/** The last PRACK a 2xx waited for has come. */
export function releaseHeld2xx(call: Call, invite: CallerInvite): void {
  const { answering } = call.state
  if (invite.held2xx && answering !== undefined) accept(call, answering)
}
