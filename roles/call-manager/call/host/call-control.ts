//! What other roles and the console may see of calls and do to them.

import { err, ok } from '../../../../src/base/result.ts'
import type { CallControl, CallSummary } from '../../../../src/control/call-control.ts'
import type { CallId } from '../../../../src/control/ids.ts'
import type { CallHost } from './call-host.ts'
import type { CallState } from '../state.ts'

export function callControlOf(calls: CallHost): CallControl {
  return {
    calls: () => Promise.resolve(summaries(calls)),
    hangup: (call, cause) =>
      Promise.resolve(calls.hangup(call, 503, cause) ? ok(undefined) : err({ kind: 'call-gone' })),
    events: calls.news.events,
  }
}

/** Oldest first. */
export function summaries(calls: CallHost): CallSummary[] {
  const found: CallSummary[] = []
  for (const { id, machine } of calls.live())
    if (machine.state.phase !== 'ended') found.push(summaryOf(id, machine.state))
  return found
}

function summaryOf(call: CallId, state: CallState): CallSummary {
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
    startedAt: record.startedAt,
    answeredAt: record.answeredAt,
    sipCallIds: [...ids],
  }
}

function stateOf({ phase, legs }: CallState): CallSummary['state'] {
  if (phase === 'setup') return 'ringing'
  if (phase !== 'up') return 'ending'
  return legs.some((leg) => leg.held) ? 'held' : 'up'
}
