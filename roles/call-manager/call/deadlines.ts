//! When a call must be woken, and what it does then.

import type { Millis } from '../../../src/base/time.ts'
import { notifierDeadline } from '../../../src/sip/dialog/notifier.ts'
import { reliableDeadline } from '../../../src/sip/dialog/reliable-provisional.ts'
import { sessionTimerDeadline } from '../../../src/sip/dialog/session-timer.ts'
import { promptTimedOut } from './announce.ts'
import type { Call } from './call.ts'
import { stepSender } from './face.ts'
import { forgetAttempt, ringingTimedOut } from './fork.ts'
import { offerJoin } from './join.ts'
import { losePatience, patienceEnds } from './patience.ts'
import { wakeLeg } from './session.ts'
import type { Attempt, Leg } from './state.ts'
import { wakeTransfer } from './transfer.ts'

export function deadlineOf(call: Call): Millis | undefined {
  const { state } = call
  let at: Millis | undefined
  const consider = (due: Millis | undefined): void => {
    if (due !== undefined && (at === undefined || due < at)) at = due
  }
  for (const leg of state.legs) considerLeg(leg, consider)
  if (state.attempt !== undefined) consider(attemptDeadline(state.attempt))
  if (state.invite !== undefined) consider(reliableDeadline(state.invite.sender))
  consider(state.announcement?.endAt)
  consider(state.join?.retryAt)
  consider(call.saveAt)
  if (call.sent.size > 0) consider(patienceEnds(call))
  const notifier = state.transfer?.notifier
  if (notifier !== undefined) consider(notifierDeadline(notifier))
  return at
}

function considerLeg(leg: Leg, consider: (due: Millis | undefined) => void): void {
  consider(leg.accepted?.waiting.at)
  if (leg.timer !== undefined) consider(sessionTimerDeadline(leg.timer))
  consider(leg.probeAt)
  consider(leg.byeAgain?.at)
}

function attemptDeadline(attempt: Attempt): Millis {
  return attempt.lingerUntil ?? attempt.groupEndAt
}

export function wake(call: Call): void {
  const { state, now } = call
  // A leg may be added while they are woken.
  for (const leg of state.legs.slice()) wakeLeg(call, leg)
  const { attempt, invite, join } = state
  if (attempt !== undefined && now >= attemptDeadline(attempt)) {
    if (attempt.lingerUntil === undefined) ringingTimedOut(call, attempt)
    else forgetAttempt(call)
  }
  if (invite !== undefined) stepSender(call, invite, { kind: 'wake' })
  if (state.announcement !== undefined && now >= state.announcement.endAt) promptTimedOut(call)
  if (join?.retryAt !== undefined && now >= join.retryAt) offerJoin(call, join)
  losePatience(call, false)
  if (call.saveAt !== undefined && now >= call.saveAt) call.save(undefined)
  wakeTransfer(call)
}
