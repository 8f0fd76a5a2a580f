//! The call detail record, out of a call's state.

import { wallTime, type WallTime } from '../../../src/base/time.ts'
import type { CallId, NodeId, TenantId } from '../../../src/control/ids.ts'
import type { MediaReport } from '../../../src/control/media-control.ts'
import type { Cdr, CdrMedia } from '../../../src/store/schema/call.ts'
import type { Call } from './call.ts'
import type { CallRecord, Leg } from './state.ts'

export function cdrOf(call: Call, reports: readonly MediaReport[]): Cdr {
  const { state } = call
  const media = reports.flatMap((report) => mediaOf(report, state.legs))
  return recordOf(state.record, state.id, state.tenant, call.config.node, media)
}

/** A record whose end is not known to anyone any more ends now. */
export function recordOf(
  record: CallRecord,
  call: CallId,
  tenant: TenantId,
  node: NodeId,
  media: readonly CdrMedia[],
): Cdr {
  const { answeredAt, startedAt } = record
  const endedAt = record.endedAt ?? answeredAt ?? startedAt
  return {
    call,
    tenant,
    direction: 'internal',
    caller: record.caller,
    callerName: record.callerName,
    callee: record.callee,
    dialled: record.dialled,
    answeredBy: answeredAt === undefined ? undefined : record.answeredBy,
    startedAt,
    rangAt: record.rangAt,
    answeredAt,
    endedAt,
    durationMs: answeredAt === undefined ? 0 : Math.round(endedAt - answeredAt),
    status: record.status,
    cause: record.cause,
    endedBy: record.endedBy,
    callerSipCallId: record.callerSipCallId,
    calleeSipCallId: record.calleeSipCallId,
    codec: media.find((leg) => leg.codec !== undefined)?.codec,
    media,
    transferredFrom: record.transferredFrom,
    forwardedBy: record.forwardedBy,
    callerUserAgent: record.callerUserAgent,
    calleeUserAgent: record.calleeUserAgent,
    node,
  }
}

/** By a clock that is ahead by `ahead` milliseconds. */
export function redated(cdr: Cdr, ahead: number): Cdr {
  const by = (at: WallTime): WallTime => wallTime(at + ahead)
  return {
    ...cdr,
    startedAt: by(cdr.startedAt),
    rangAt: cdr.rangAt && by(cdr.rangAt),
    answeredAt: cdr.answeredAt && by(cdr.answeredAt),
    endedAt: by(cdr.endedAt),
  }
}

/** Sessions of devices that rang and never answered are left out. */
function mediaOf(report: MediaReport, legs: readonly Leg[]): CdrMedia[] {
  const leg = legs.find(({ media }) => media === report.media)
  if (leg === undefined) return []
  const { codec, received, sent } = report
  return [{ leg: leg.side, codec, received, sent }]
}
