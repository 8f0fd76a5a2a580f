//! CANCEL: the caller changed its mind (RFC 3261 §9.2), or takes a re-INVITE back.

import type { SipRequest } from '../../../src/sip/message/message.ts'
import { flat } from '../../../src/sip/message/text.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import type { Call } from './call.ts'
import { finish } from './end.ts'
import type { Refusal } from './state.ts'

const CANCELLED: Refusal = {
  status: 487,
  reason: undefined,
  cause: 'cancelled',
  headers: [],
  by: 'caller',
}

export function onCancel(call: Call, key: ServerKey, cancel: SipRequest): void {
  const reason = cancel.headers.get('reason')
  if (call.state.invite?.key === key)
    return finish(call, CANCELLED, reason === undefined ? undefined : flat(reason))
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
