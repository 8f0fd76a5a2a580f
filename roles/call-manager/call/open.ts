//! INVITEs within the call that a successor answers, should this process die now: those that wait
//! for the other side, those whose 2xx waits for its ACK, and those refused so lately that the
//! refusal may be lost with this process. Whoever sent one has had a 100: it would wait for ever.

import { after, type Millis } from '../../../src/base/time.ts'
import { awaitAck } from '../../../src/sip/dialog/ack-2xx.ts'
import {
  dialogId,
  receivedDialogId,
  type Dialog,
  type DialogId,
} from '../../../src/sip/dialog/dialog.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { callId, cseq, fromTag } from '../../../src/sip/message/views.ts'
import type { Call } from './call.ts'
import { REPEATED } from './face.ts'
import type { Serving } from './pending.ts'
import { reanswerHeaders } from './reoffer.ts'
import { sdpBody } from './sdp.ts'
import type { Leg, Open, Pending } from './state.ts'

/** `until`: so long the refusal is said again by this process. */
export type Refused = { readonly open: Open; readonly until: Millis }

export function openIn({ inherited, state, serving, refused, now }: Call): readonly Open[] {
  const accepted = state.legs.flatMap(({ accepted: its }) =>
    its?.open === undefined ? [] : [{ ...its.open, owesAnswerTo: its.owesAnswerTo }],
  )
  const first = state.invite?.key
  const waiting = [...serving.values()].filter(
    ({ request, key }) => request.method === 'INVITE' && key !== first,
  )
  const told = [...refused.values()].filter(({ until }) => until > now).map(({ open }) => open)
  return [...inherited, ...accepted, ...waiting.map(openOf), ...told]
}

/** As a successor is to find it. After a delayed offer it could do nothing with the answer. */
export function openOf({ key, request, source, sdp, agreed }: Serving): Open {
  return { key, request, source, agreed: sdp === undefined ? undefined : agreed }
}

/** Its sender tries again, when the one of ours is through (RFC 3261 §14.1). */
export function refuseOpen(call: Call, open: Pending): void {
  call.respond(open, 491)
  rememberRefused(call, open)
}

/** The last one of each dialog: there is no other before it has been answered. */
export function rememberRefused(call: Call, { key, request, source }: Pending): void {
  const id = receivedDialogId(request)
  if (id === undefined || request.method !== 'INVITE') return
  const until = after(call.now, HOPE)
  call.refused.set(id, { open: { key, request, source }, until })
}

/** Of another process, that perhaps did not live to say what it had committed. */
export function answerOpen(call: Call, open: Open): void {
  const { key, request, source, agreed, owesAnswerTo } = open
  const leg = askerOf(call, open)
  if (leg?.dialog === undefined || leg.state !== 'up' || agreed === undefined)
    return refuseOpen(call, open)
  const { sdp, granted } = agreed
  const headers = reanswerHeaders(leg.dialog.localTarget, granted)
  const toTag = leg.dialog.local.tag
  const response = reply(request, 200, { toTag, headers, ...sdpBody(sdp) })
  call.outputs.push({ kind: 'respond', key, response })
  const waiting = awaitAck(cseq(request)?.number ?? 0, call.now, REPEATED)
  leg.accepted = {
    request,
    source,
    response,
    of: 'inherited',
    waiting,
    owesAnswerTo,
    open,
  }
}

/** It or its peer waits for an answer, that may come in the ACK to a 2xx that is said again. */
export function mayBeAnswered(call: Call, leg: Leg): boolean {
  return call.inherited.some((open) => {
    const asker = askerOf(call, open)
    const { agreed, owesAnswerTo } = open
    if (asker === undefined || agreed === undefined || owesAnswerTo === undefined) return false
    return asker.peer === owesAnswerTo && (asker === leg || asker.peer === leg.id)
  })
}

function askerOf({ state }: Call, { request }: Open): Leg | undefined {
  return state.legs.find(({ dialog }) => dialog?.id === askedIn(request, dialog))
}

/** The one that has no To tag yet began the dialog. */
function askedIn(request: SipRequest, dialog: Dialog | undefined): DialogId | undefined {
  const [call = '', from = ''] = [callId(request), fromTag(request)]
  return receivedDialogId(request) ?? dialogId(call, dialog?.local.tag ?? '', from)
}
