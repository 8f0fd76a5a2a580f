//! What other roles and the console may see of calls and do to them.

import { err, ok } from '../../../../src/base/result.ts'
import { wallTime } from '../../../../src/base/time.ts'
import type { CallControl, CallSummary } from '../../../../src/control/call-control.ts'
import type { CallId } from '../../../../src/control/ids.ts'
import type { CallHost } from './call-host.ts'
import type { CallState } from '../state.ts'

/** `ahead`: the clock for people, of the one that calls are dated by, in milliseconds. */
export function callControlOf(calls: CallHost, ahead: () => number): CallControl {
  return {
    calls: () => Promise.resolve(summaries(calls, ahead())),
    hangup: (call, cause) =>
      Promise.resolve(calls.hangup(call, 503, cause) ? ok(undefined) : err({ kind: 'call-gone' })),
    events: calls.news.events,
  }
}

/** Oldest first. `ahead` as above. */
export function summaries(calls: CallHost, ahead: number): CallSummary[] {
  const found: CallSummary[] = []
  for (const { id, machine } of calls.live())
    if (machine.state.phase !== 'ended') found.push(summaryOf(id, machine.state, ahead))
  return found
}

function summaryOf(call: CallId, state: CallState, ahead: number): CallSummary {
  const { tenant, record, legs } = state
  const ids = new Set([record.callerSipCallId])
  for (const branch of state.attempt?.branches ?? []) ids.add(branch.sipCallId)
  for (const leg of legs) if (leg.dialog !== undefined) ids.add(leg.dialog.callId)
  return {
    call,
    tenant,
    caller: record.caller,
    callee: record.callee,
    state: stateOf(state),
    startedAt: wallTime(record.startedAt + ahead),
    answeredAt: record.answeredAt && wallTime(record.answeredAt + ahead),
    sipCallIds: [...ids],
  }
}

function stateOf({ phase, legs }: CallState): CallSummary['state'] {
  if (phase === 'setup') return 'ringing'
  if (phase !== 'up') return 'ending'
  return legs.some((leg) => leg.held) ? 'held' : 'up'
}
