//! Bindings of addresses-of-record to contacts (RFC 3261 §10).
//!
//! Class: a new or changed binding is durable (`binding.bind`, awaited before the 200); a pure
//! refresh and an expiry are recoverable (`binding.refresh`, one command for a second's worth).
//! The memory of the SIP thread is the working copy; these tables are read once, at start.

import type { WallTime } from '../../base/time.ts'
import type { TenantId } from '../../control/ids.ts'
import { flag, integer, integerOrNone, text, textOrNone, time } from '../row.ts'
import {
  type Schema,
  type ReadOnlyDatabase,
  type Refusal,
  type Row,
  type WritableDatabase,
} from '../store.ts'
import { tenantId } from './tenant.ts'

export type BindingRow = {
  readonly aor: string
  /** Instance and reg-id when the device gave them (RFC 5626 §6), else the contact. */
  readonly key: string
  readonly tenant: TenantId
  readonly user: string
  readonly contact: string
  /** Thousandths. */
  readonly q: number
  readonly instance: string | undefined
  readonly regId: number | undefined
  /** Where the device is reached, as far as that outlives its connection. */
  readonly transport: string
  readonly host: string
  readonly port: number
  readonly path: readonly string[]
  readonly behindNat: boolean
  readonly userAgent: string
  readonly callId: string
  readonly cseq: number
  /** The identity inside this instance's temporary GRUUs; 0 without. */
  readonly gruuId: number
  readonly registeredAt: WallTime
  readonly expiresAt: WallTime
}

type BindingRefresh = {
  readonly aor: string
  readonly key: string
  readonly callId: string
  readonly cseq: number
  readonly expiresAt: WallTime
}

/** A row that lives longer than this has been bound again meanwhile, and stays. */
type BindingExpiry = {
  readonly aor: string
  readonly key: string
  readonly expiresAt: WallTime
}

export type BindingCommand =
  /** One REGISTER: all of its changes or none. Keys in `remove` are of the same AOR. */
  | {
      readonly kind: 'binding.bind'
      readonly aor: string
      readonly put: readonly BindingRow[]
      readonly remove: readonly string[]
    }
  /** Rows that are gone already are passed over. */
  | {
      readonly kind: 'binding.refresh'
      readonly refreshed: readonly BindingRefresh[]
      readonly expired: readonly BindingExpiry[]
    }
  /** All that ran out before `before`; proposed at start, after the load. */
  | { readonly kind: 'binding.purge'; readonly before: WallTime }

const TABLES = `
CREATE TABLE bindings (
  aor TEXT NOT NULL,
  key TEXT NOT NULL,
  tenant TEXT NOT NULL,
  user TEXT NOT NULL,
  contact TEXT NOT NULL,
  q INTEGER NOT NULL,
  instance TEXT,
  reg_id INTEGER,
  transport TEXT NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  path TEXT NOT NULL,
  behind_nat INTEGER NOT NULL,
  user_agent TEXT NOT NULL,
  call_id TEXT NOT NULL,
  cseq INTEGER NOT NULL,
  gruu_id INTEGER NOT NULL,
  registered_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (aor, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX bindings_by_user ON bindings (tenant, user);
`

/** A page rewritten for every binding, for nothing but the removal of an extension. */
const WITHOUT_INDEX = 'DROP INDEX bindings_by_user'

export const bindingSchema: Schema<BindingCommand> = {
  migrations: [
    { version: 1, sql: TABLES },
    { version: 2, sql: WITHOUT_INDEX },
  ],
  apply,
}

function apply(db: WritableDatabase, command: BindingCommand): Refusal | undefined {
  switch (command.kind) {
    case 'binding.bind':
      for (const key of command.remove) remove(db, command.aor, key)
      for (const row of command.put) put(db, row)
      return undefined
    case 'binding.refresh':
      for (const row of command.refreshed) refresh(db, row)
      for (const row of command.expired) expire(db, row)
      return undefined
    case 'binding.purge':
      db.run('DELETE FROM bindings WHERE expires_at <= ?', command.before)
      return undefined
  }
}

function put(db: WritableDatabase, row: BindingRow): void {
  db.run(
    `INSERT OR REPLACE INTO bindings
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    row.aor,
    row.key,
    row.tenant,
    row.user,
    row.contact,
    row.q,
    row.instance ?? null,
    row.regId ?? null,
    row.transport,
    row.host,
    row.port,
    JSON.stringify(row.path),
    row.behindNat ? 1 : 0,
    row.userAgent,
    row.callId,
    row.cseq,
    row.gruuId,
    row.registeredAt,
    row.expiresAt,
  )
}

function refresh(db: WritableDatabase, row: BindingRefresh): void {
  db.run(
    'UPDATE bindings SET call_id = ?, cseq = ?, expires_at = ? WHERE aor = ? AND key = ?',
    row.callId,
    row.cseq,
    row.expiresAt,
    row.aor,
    row.key,
  )
}

function remove(db: WritableDatabase, aor: string, key: string): void {
  db.run('DELETE FROM bindings WHERE aor = ? AND key = ?', aor, key)
}

function expire(db: WritableDatabase, { aor, key, expiresAt }: BindingExpiry): void {
  const sql = 'DELETE FROM bindings WHERE aor = ? AND key = ? AND expires_at <= ?'
  db.run(sql, aor, key, expiresAt)
}

/** All that are live at `now`, one by one: there may be 100,000. */
export function* liveBindings(db: ReadOnlyDatabase, now: WallTime): Generator<BindingRow> {
  for (const row of db.each('SELECT * FROM bindings WHERE expires_at > ?', now)) yield decode(row)
}

export function bindingsOf(db: ReadOnlyDatabase, aor: string): readonly BindingRow[] {
  return db.all('SELECT * FROM bindings WHERE aor = ? ORDER BY key', aor).map(decode)
}

export function boundAors(db: ReadOnlyDatabase): ReadonlySet<string> {
  return new Set(db.all('SELECT DISTINCT aor FROM bindings').map((row) => text(row, 'aor')))
}

function decode(row: Row): BindingRow {
  return {
    aor: text(row, 'aor'),
    key: text(row, 'key'),
    tenant: tenantId(row),
    user: text(row, 'user'),
    contact: text(row, 'contact'),
    q: integer(row, 'q'),
    instance: textOrNone(row, 'instance'),
    regId: integerOrNone(row, 'reg_id'),
    transport: text(row, 'transport'),
    host: text(row, 'host'),
    port: integer(row, 'port'),
    path: strings(text(row, 'path')),
    behindNat: flag(row, 'behind_nat'),
    userAgent: text(row, 'user_agent'),
    callId: text(row, 'call_id'),
    cseq: integer(row, 'cseq'),
    gruuId: integer(row, 'gruu_id'),
    registeredAt: time(row, 'registered_at'),
    expiresAt: time(row, 'expires_at'),
  }
}

function strings(json: string): readonly string[] {
  if (json === '[]') return NONE
  const value: unknown = JSON.parse(json)
  return Array.isArray(value) ? value.map(String) : NONE
}

const NONE: readonly string[] = []
