//! Calls in progress and the records of those that ended.
//!
//! Class: a snapshot is recoverable (proposed at once; awaited where DESIGN §4 rule 2 says); a CDR
//! is durable. A call ends in one command, so it is either in progress or has exactly one CDR.

import type { WallTime } from '../../base/time.ts'
import type { CallId, NodeId, TenantId } from '../../control/ids.ts'
import { text, time } from '../row.ts'
import {
  type Schema,
  type ReadOnlyDatabase,
  type Refusal,
  type SqlValue,
  type WritableDatabase,
} from '../store.ts'

export type Cdr = {
  readonly call: CallId
  readonly tenant: TenantId
  readonly direction: 'internal' | 'inbound' | 'outbound'
  /** AOR or number of who called. */
  readonly caller: string
  readonly callerName: string
  /** AOR or number of who was wanted in the end, after every forward. */
  readonly callee: string
  /** What the caller's phone sent. */
  readonly dialled: string
  /** AOR of who picked up. */
  readonly answeredBy: string | undefined
  readonly startedAt: WallTime
  readonly rangAt: WallTime | undefined
  readonly answeredAt: WallTime | undefined
  readonly endedAt: WallTime
  /** From answer to end, in milliseconds; 0 when never answered. */
  readonly durationMs: number
  /** The SIP status the caller got in the end: 200, 486, 487 … */
  readonly status: number
  /** In words: `normal clearing`, `busy`, `no answer` … */
  readonly cause: string
  readonly endedBy: 'caller' | 'callee' | 'system'
  readonly callerSipCallId: string
  readonly calleeSipCallId: string | undefined
  readonly codec: string | undefined
  readonly media: readonly CdrMedia[]
  readonly transferredFrom: CallId | undefined
  readonly forwardedBy: string | undefined
  readonly callerUserAgent: string
  readonly calleeUserAgent: string
  readonly node: NodeId
}

/** What one leg's media session counted. */
export type CdrMedia = {
  readonly leg: 'caller' | 'callee'
  readonly codec: string | undefined
  readonly received: CdrStream
  readonly sent: CdrStream
}
type CdrStream = {
  readonly packets: number
  readonly octets: number
  readonly lost: number
  /** Milliseconds. */
  readonly jitter: number
}

export type CallCommand =
  /** The newest snapshot wins; one that comes after the end is passed over. */
  | {
      readonly kind: 'call.saved'
      readonly id: CallId
      readonly snapshot: string
      readonly at: WallTime
    }
  /** Takes the snapshot away and writes the CDR; a second one for the call changes nothing. */
  | { readonly kind: 'call.ended'; readonly id: CallId; readonly cdr: Cdr }

const TABLES = `
CREATE TABLE calls (
  call TEXT PRIMARY KEY,
  snapshot TEXT NOT NULL,
  saved_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE cdrs (
  call TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  direction TEXT NOT NULL,
  caller TEXT NOT NULL,
  caller_name TEXT NOT NULL,
  callee TEXT NOT NULL,
  dialled TEXT NOT NULL,
  answered_by TEXT,
  started_at INTEGER NOT NULL,
  rang_at INTEGER,
  answered_at INTEGER,
  ended_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  status INTEGER NOT NULL,
  cause TEXT NOT NULL,
  ended_by TEXT NOT NULL,
  caller_sip_call_id TEXT NOT NULL,
  callee_sip_call_id TEXT,
  codec TEXT,
  media TEXT NOT NULL,
  transferred_from TEXT,
  forwarded_by TEXT,
  caller_user_agent TEXT NOT NULL,
  callee_user_agent TEXT NOT NULL,
  node TEXT NOT NULL
) STRICT;
CREATE INDEX cdrs_by_start ON cdrs (tenant, started_at);
`

export const callSchema: Schema<CallCommand> = { migrations: [{ version: 1, sql: TABLES }], apply }

function apply(db: WritableDatabase, command: CallCommand): Refusal | undefined {
  switch (command.kind) {
    case 'call.saved':
      db.run(
        `INSERT INTO calls SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM cdrs WHERE call = ?)
         ON CONFLICT DO UPDATE SET snapshot = excluded.snapshot, saved_at = excluded.saved_at`,
        command.id,
        command.snapshot,
        command.at,
        command.id,
      )
      return undefined
    case 'call.ended':
      db.run('DELETE FROM calls WHERE call = ?', command.id)
      insertCdr(db, command.cdr)
      return undefined
  }
}

function insertCdr(db: WritableDatabase, cdr: Cdr): void {
  const values: readonly SqlValue[] = [
    cdr.call,
    cdr.tenant,
    cdr.direction,
    cdr.caller,
    cdr.callerName,
    cdr.callee,
    cdr.dialled,
    cdr.answeredBy ?? null,
    cdr.startedAt,
    cdr.rangAt ?? null,
    cdr.answeredAt ?? null,
    cdr.endedAt,
    cdr.durationMs,
    cdr.status,
    cdr.cause,
    cdr.endedBy,
    cdr.callerSipCallId,
    cdr.calleeSipCallId ?? null,
    cdr.codec ?? null,
    JSON.stringify(cdr.media),
    cdr.transferredFrom ?? null,
    cdr.forwardedBy ?? null,
    cdr.callerUserAgent,
    cdr.calleeUserAgent,
    cdr.node,
  ]
  db.run(INSERT_CDR, ...values)
}

const INSERT_CDR = `INSERT INTO cdrs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
  ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

export type SavedCall = {
  readonly id: CallId
  readonly snapshot: string
  readonly savedAt: WallTime
}

/** The calls a successor resumes. */
export function savedCalls(db: ReadOnlyDatabase): readonly SavedCall[] {
  return db.all('SELECT * FROM calls ORDER BY call').map((row) => ({
    id: text(row, 'call') as CallId,
    snapshot: text(row, 'snapshot'),
    savedAt: time(row, 'saved_at'),
  }))
}
