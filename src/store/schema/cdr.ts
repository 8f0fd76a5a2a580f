//! Queries over call detail records.

import type { WallTime } from '../../base/time.ts'
import type { CallId, NodeId, TenantId } from '../../control/ids.ts'
import { integer, text, textOrNone, time, timeOrNone } from '../row.ts'
import type { ReadOnlyDatabase, Row } from '../store.ts'
import type { Cdr, CdrMedia } from './call.ts'
import { tenantId } from './tenant.ts'

export function cdrOf(db: ReadOnlyDatabase, call: CallId): Cdr | undefined {
  const row = db.get('SELECT * FROM cdrs WHERE call = ?', call)
  return row === undefined ? undefined : decode(row)
}

/** A place in the order of `cdrsOf`: behind that call, or behind all that began then or later. */
export type CdrPlace = { readonly startedAt: WallTime; readonly call?: CallId | undefined }

/** Newest first, those of one millisecond by their names: from `place` on, or from the first. */
export function cdrsOf(
  db: ReadOnlyDatabase,
  tenant: TenantId,
  place: CdrPlace | undefined,
  limit: number,
): readonly Cdr[] {
  const { startedAt, call } = place ?? { startedAt: Number.MAX_SAFE_INTEGER }
  // The first bound is what the index can find. No name is greater than NULL.
  const sql = `SELECT * FROM cdrs
    WHERE tenant = ? AND started_at <= ? AND (started_at < ? OR call > ?)
    ORDER BY started_at DESC, call LIMIT ?`
  return db.all(sql, tenant, startedAt, startedAt, call ?? null, limit).map(decode)
}

export function countCdrs(db: ReadOnlyDatabase): number {
  return Number(db.get('SELECT count(*) AS n FROM cdrs')?.['n'] ?? 0)
}

function decode(row: Row): Cdr {
  return {
    call: text(row, 'call') as CallId,
    tenant: tenantId(row),
    direction: text(row, 'direction') as Cdr['direction'],
    caller: text(row, 'caller'),
    callerName: text(row, 'caller_name'),
    callee: text(row, 'callee'),
    dialled: text(row, 'dialled'),
    answeredBy: textOrNone(row, 'answered_by'),
    startedAt: time(row, 'started_at'),
    rangAt: timeOrNone(row, 'rang_at'),
    answeredAt: timeOrNone(row, 'answered_at'),
    endedAt: time(row, 'ended_at'),
    durationMs: integer(row, 'duration_ms'),
    status: integer(row, 'status'),
    cause: text(row, 'cause'),
    endedBy: text(row, 'ended_by') as Cdr['endedBy'],
    callerSipCallId: text(row, 'caller_sip_call_id'),
    calleeSipCallId: textOrNone(row, 'callee_sip_call_id'),
    codec: textOrNone(row, 'codec'),
    media: JSON.parse(text(row, 'media')) as readonly CdrMedia[],
    transferredFrom: textOrNone(row, 'transferred_from') as CallId | undefined,
    forwardedBy: textOrNone(row, 'forwarded_by'),
    callerUserAgent: text(row, 'caller_user_agent'),
    calleeUserAgent: text(row, 'callee_user_agent'),
    node: text(row, 'node') as NodeId,
  }
}
