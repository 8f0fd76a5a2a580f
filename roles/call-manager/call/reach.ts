//! Phones whose connection broke: with the process before this one, or because they roam, or their
//! NAT forgot it. They notice, and come back by another: until then no answer means little.

import { after, millis, type Millis } from '../../../src/base/time.ts'
import { awaitAck } from '../../../src/sip/dialog/ack-2xx.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import { toTag } from '../../../src/sip/message/views.ts'
import type { Call } from './call.ts'
import type { Leg } from './state.ts'

/**
 * They register anew, and can then be reached: at once, or when that fell into an outage after half
 * a minute, and after another minute (RFC 5626 §4.5).
 */
const REACH = millis(90_000)
/** Between two tries to reach one: a second, then more. */
const AGAIN_MIN = 1_000
const AGAIN_MAX = 5_000
const NEVER = millis(0)

export function reachedUntil(call: Call): Millis {
  return after(call.now, REACH)
}

/** The process before this one may have had its connection. */
export function awaitAnew(call: Call, leg: Leg): void {
  leg.awaitedUntil = reachedUntil(call)
  delete leg.isCut
}

/** What was to be said to it has no way. */
export function connectionLost(call: Call, leg: Leg): void {
  // Whoever took over awaited everybody: that is over, and this is another connection.
  if (leg.isCut !== true && call.now >= (leg.awaitedUntil ?? 0))
    leg.awaitedUntil = reachedUntil(call)
  leg.isCut = true
}

export function heardFrom(leg: Leg): void {
  if (leg.awaitedUntil === undefined) return
  delete leg.awaitedUntil
  delete leg.isCut
}

/** A proxy before it lost the connection (RFC 5626 §5.3.1). */
const FLOW_FAILED = 430
/** What a proxy says, or we do, when it is not reached. */
const UNREACHED: ReadonlySet<number> = new Set([408, FLOW_FAILED, 480, 503, 504])

/** By itself, or by a proxy that speaks for it. */
export function answered(call: Call, leg: Leg, status: number): void {
  if (status === FLOW_FAILED) connectionLost(call, leg)
  else if (isOvertaken(call, leg, status)) awaitAnswered(call, leg)
  else if (!UNREACHED.has(status)) heardFrom(leg)
}

/** It knows of no call yet: what was said in it has overtaken our 2xx to the first INVITE. */
function isOvertaken(
  { now }: Call,
  { accepted, awaitedUntil = NEVER }: Leg,
  status: number,
): boolean {
  if (status !== 481 || now >= awaitedUntil) return false
  return accepted !== undefined && toTag(accepted.request) === undefined
}

function awaitAnswered(call: Call, { accepted, awaitedUntil = NEVER }: Leg): void {
  if (accepted === undefined) return
  const patience = millis(Math.min(awaitedUntil - call.now, HOPE))
  accepted.isPresumed = false
  accepted.waiting = awaitAck(accepted.waiting.inviteCseq, call.now, patience)
}

/** It may be on its way back, or our 2xx to it: that it is not reached there says nothing yet. */
export function isAwaited(call: Call, leg: Leg, status: number): boolean {
  if (isOvertaken(call, leg, status)) return true
  return UNREACHED.has(status) && call.now < awaitedUntil(call, leg)
}

/** Nobody is there any more, or it has forgotten the call (RFC 3261 §12.2.1.2). */
export function isLost(status: number): boolean {
  return status === 408 || status === FLOW_FAILED || status === 481
}

export function awaitedUntil({ state }: Call, leg: Leg): Millis {
  return millis(Math.max(leg.awaitedUntil ?? 0, state.join?.until ?? 0))
}

/** When to try again to reach it. */
export function triedAgainAt(call: Call, leg: Leg): Millis {
  const tried = REACH - (awaitedUntil(call, leg) - call.now)
  return after(call.now, millis(Math.min(Math.max(tried / 4, AGAIN_MIN), AGAIN_MAX)))
}
