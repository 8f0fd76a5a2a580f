//! What an attempt's progress and failure mean to whoever it was made for.

import { after } from '../../../src/base/time.ts'
import type { Meaning } from '../../../src/sip/dialog/offer-answer.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { flat } from '../../../src/sip/message/text.ts'
import { required } from '../../../src/sip/message/views.ts'
import { announce } from './announce.ts'
import type { Call } from './call.ts'
import { finish } from './end.ts'
import { showProgress, someFace } from './face.ts'
import { refusalOf } from './refusal.ts'
import type { Attempt, Branch, EarlyDialog } from './state.ts'
import { CALLER } from './state.ts'
import { transferFailed, transferProgress } from './transfer.ts'

/** A provisional response of a device; `early` is its dialog, when it made one. */
export function attemptProgress(
  call: Call,
  attempt: Attempt,
  branch: Branch,
  early: EarlyDialog | undefined,
  response: SipResponse,
  meaning: Meaning = 'none',
): void {
  const { status } = response
  if (attempt.purpose === 'transfer') return transferProgress(call, status, response.reason)
  if (status === 180) call.state.record.rangAt ??= call.wall()
  call.changed(branch.leg)
  const face = early?.face ?? someFace(call)
  if (face === undefined) return
  const reason = flat(response.reason)
  const reliable = required(response).includes('100rel')
  const speaks = meaning === 'preview' || meaning === 'answer' || meaning === 'offer'
  if (early?.sdp === undefined || !speaks)
    return showProgress(call, face, { status, reason, reliable, sdp: undefined })
  const caller = call.leg(CALLER)
  if (caller === undefined) return
  const offer = meaning === 'offer'
  const then = {
    kind: 'early',
    early: early.dialog.id,
    status,
    reason,
    reliable,
    offer,
  } as const
  call.relay(offer ? 'relay-offer' : 'relay-answer', branch.media, caller, early.sdp, then)
}

/** Nobody answered, and nobody is left to ring. */
export function attemptFailed(call: Call, attempt: Attempt): void {
  if (attempt.lingerUntil !== undefined) return
  // Their 487s are still to come; nothing depends on them.
  const refusal = attempt.refusal ?? refusalOf(480, 'no answer')
  attempt.lingerUntil = after(call.now, HOPE)
  if (attempt.purpose === 'transfer') return transferFailed(call, refusal)
  return refusal.status === 480 ? announce(call, 'not-available', refusal) : finish(call, refusal)
}
