//! How long a re-INVITE of ours may stay unanswered after a provisional response, before it is
//! cancelled: nothing else can be negotiated meanwhile, and a transaction in this state has no end
//! of its own (RFC 3261 §17.1.1.2).

import { after, millis, type Millis } from '../../../src/base/time.ts'
import type { Call } from './call.ts'
import type { Sent } from './pending.ts'

/** Somebody may have to be asked: "share your camera?" */
const PATIENCE = millis(60_000)

export function patience(call: Call): Millis {
  return after(call.now, PATIENCE)
}

export function patienceEnds(call: Call): Millis | undefined {
  let first: Millis | undefined
  for (const sent of call.sent.values()) {
    const until = untilOf(sent)
    if (until !== undefined && (first === undefined || until < first)) first = until
  }
  return first
}

/** Cancels those whose time is up; all of them when the call ends. */
export function losePatience(call: Call, all: boolean): void {
  for (const [tx, sent] of call.sent) {
    const until = untilOf(sent)
    if (until === undefined || (!all && call.now < until)) continue
    if ('until' in sent) sent.until = undefined
    call.outputs.push({ kind: 'cancel', tx, reason: undefined })
  }
}

function untilOf(sent: Sent): Millis | undefined {
  return 'until' in sent ? sent.until : undefined
}
