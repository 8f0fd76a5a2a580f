//! CANCEL: the caller changed its mind (RFC 3261 §9.2), or takes a re-INVITE back.

import type { SipRequest } from '../../../src/sip/message/message.ts'
import { flat } from '../../../src/sip/message/text.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import type { Call } from './call.ts'
import { finish } from './end.ts'
import { endpointOf } from './endpoint.ts'
import { isFromElsewhere } from './hop.ts'
import { CALLER, type Hop, type Refusal } from './state.ts'

const CANCELLED: Refusal = {
  status: 487,
  reason: undefined,
  cause: 'cancelled',
  headers: [],
  by: 'caller',
}

export function onCancel(call: Call, key: ServerKey, cancel: SipRequest, source: Source): void {
  // RFC 3261 §22.1: taken from the hop that sent the INVITE, for it cannot be challenged.
  const invited = invitedFrom(call, key)
  if (invited === undefined || isFromElsewhere(invited, source)) return
  const reason = cancel.headers.get('reason')
  if (call.state.invite?.key === key) {
    // A process before this one may have said the 2xx: too late then (RFC 3261 §9.2).
    if (call.state.record.answeredAt !== undefined) return
    return finish(call, CANCELLED, reason === undefined ? undefined : flat(reason))
  }
  const serving = call.serving.get(key)
  if (serving === undefined) return
  // The other side's answer, 487 most likely, answers this one too.
  const tx = call.txOf((sent) => sent.kind === 'relayed' && sent.serving === key)
  if (tx !== undefined) call.outputs.push({ kind: 'cancel', tx, reason })
  else {
    call.serving.delete(key)
    call.respond(serving, 487)
  }
}

function invitedFrom(call: Call, key: ServerKey): Hop | undefined {
  if (call.state.invite?.key === key) return call.leg(CALLER)?.hop
  const serving = call.serving.get(key)
  return serving && endpointOf(call, serving.from)?.hop
}
