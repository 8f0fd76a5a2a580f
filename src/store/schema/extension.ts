//! Extensions: the users of a tenant, with what proves their passwords. Class: durable.
//!
//! A password enters as text in the proposer's command and is sealed by the proposing replica
//! before anything is logged: the digests H(user:realm:password) by MD5 and SHA-256, encrypted.
//! The log and the tables never hold a password.

import { assert } from '../../base/assert.ts'
import type { WallTime } from '../../base/time.ts'
import type { TenantId } from '../../control/ids.ts'
import { bytes, flag, text, time } from '../row.ts'
import {
  refuse,
  type Schema,
  type ReadOnlyDatabase,
  type Refusal,
  type Row,
  type WritableDatabase,
} from '../store.ts'
import { tenantById, tenantId } from './tenant.ts'

export type ExtensionRow = {
  readonly tenant: TenantId
  readonly user: string
  readonly displayName: string
  readonly enabled: boolean
  /** For `Vault.open`. */
  readonly sealed: Uint8Array
  readonly createdAt: WallTime
  readonly updatedAt: WallTime
}

/** `realm` is the tenant's primary domain; a command with another one is refused. */
export type Secret =
  | { readonly kind: 'password'; readonly realm: string; readonly password: string }
  | { readonly kind: 'sealed'; readonly realm: string; readonly sealed: Uint8Array }

export type ExtensionCommand =
  /** Makes or changes one. Without a secret the one it has stays; a new one must have it. */
  | {
      readonly kind: 'extension.put'
      readonly tenant: TenantId
      readonly user: string
      readonly displayName: string
      readonly enabled: boolean
      readonly secret: Secret | undefined
      /** Refused when there is one already. */
      readonly isNew?: true
      readonly at: WallTime
    }
  | {
      readonly kind: 'extension.passwd'
      readonly tenant: TenantId
      readonly user: string
      readonly secret: Secret
      readonly at: WallTime
    }
  /** With its bindings and mailbox counts. */
  | { readonly kind: 'extension.remove'; readonly tenant: TenantId; readonly user: string }
  /** Many at once, of one tenant; who exists is updated, and stays enabled or not. */
  | {
      readonly kind: 'extension.import'
      readonly tenant: TenantId
      readonly realm: string
      readonly rows: readonly ImportRow[]
      readonly at: WallTime
    }

/** The secret is the password on the way in, its sealed form from the log on. */
export type ImportRow = readonly [user: string, displayName: string, secret: string | Uint8Array]

const TABLES = `
CREATE TABLE extensions (
  tenant TEXT NOT NULL,
  user TEXT NOT NULL,
  display_name TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, user)
) STRICT, WITHOUT ROWID;
`

export const extensionSchema: Schema<ExtensionCommand> = {
  migrations: [{ version: 1, sql: TABLES }],
  apply,
}

function apply(db: WritableDatabase, command: ExtensionCommand): Refusal | undefined {
  switch (command.kind) {
    case 'extension.put':
      return put(db, command)
    case 'extension.passwd':
      return passwd(db, command)
    case 'extension.remove':
      return remove(db, command.tenant, command.user)
    case 'extension.import':
      return importRows(db, command)
  }
}

type Of<Kind extends ExtensionCommand['kind']> = Extract<ExtensionCommand, { kind: Kind }>

function put(db: WritableDatabase, command: Of<'extension.put'>): Refusal | undefined {
  const { tenant, user, displayName, secret, at } = command
  const wrong = wrongRealm(db, tenant, secret?.realm)
  if (wrong !== undefined) return wrong
  const enabled = command.enabled ? 1 : 0
  if (secret !== undefined) {
    if (command.isNew === true && extensionByUser(db, tenant, user) !== undefined)
      return refuse(`${user}@${secret.realm} exists already`)
    db.run(
      `INSERT INTO extensions VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
       SET display_name = excluded.display_name, enabled = excluded.enabled,
       sealed = excluded.sealed, updated_at = excluded.updated_at`,
      tenant,
      user,
      displayName,
      enabled,
      sealedOf(secret),
      at,
      at,
    )
    return undefined
  }
  const changed = db.run(
    `UPDATE extensions SET display_name = ?, enabled = ?, updated_at = ?
     WHERE tenant = ? AND user = ?`,
    displayName,
    enabled,
    at,
    tenant,
    user,
  )
  return changed === 1 ? undefined : refuse(`a new extension needs a password: ${user}`)
}

function passwd(db: WritableDatabase, command: Of<'extension.passwd'>): Refusal | undefined {
  const { tenant, user, secret, at } = command
  const wrong = wrongRealm(db, tenant, secret.realm)
  if (wrong !== undefined) return wrong
  const changed = db.run(
    'UPDATE extensions SET sealed = ?, updated_at = ? WHERE tenant = ? AND user = ?',
    sealedOf(secret),
    at,
    tenant,
    user,
  )
  return changed === 1 ? undefined : refuse(`there is no extension ${user}`)
}

function remove(db: WritableDatabase, tenant: TenantId, user: string): Refusal | undefined {
  const removed = db.run('DELETE FROM extensions WHERE tenant = ? AND user = ?', tenant, user)
  if (removed === 0) return refuse(`there is no extension ${user}`)
  removeBindings(db, tenant, user)
  db.run('DELETE FROM message_waiting WHERE tenant = ? AND user = ?', tenant, user)
  return undefined
}

/** By its AOR, which is at the primary domain: that is fixed while there are extensions. */
function removeBindings(db: WritableDatabase, tenant: TenantId, user: string): void {
  const owner = tenantById(db, tenant)
  assert(owner !== undefined, 'an extension has a tenant')
  db.run('DELETE FROM bindings WHERE aor = ?', `sip:${user}@${owner.primaryDomain}`)
}

function importRows(db: WritableDatabase, command: Of<'extension.import'>): Refusal | undefined {
  const { tenant, realm, rows, at } = command
  const wrong = wrongRealm(db, tenant, realm)
  if (wrong !== undefined) return wrong
  for (const [user, displayName, secret] of rows) {
    assert(typeof secret !== 'string', 'a password came to apply unsealed')
    db.run(
      `INSERT INTO extensions VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT DO UPDATE
       SET display_name = excluded.display_name, sealed = excluded.sealed,
       updated_at = excluded.updated_at`,
      tenant,
      user,
      displayName,
      secret,
      at,
      at,
    )
  }
  return undefined
}

function wrongRealm(
  db: ReadOnlyDatabase,
  tenant: TenantId,
  realm: string | undefined,
): Refusal | undefined {
  const found = tenantById(db, tenant)
  if (found === undefined) return refuse(`there is no tenant ${tenant}`)
  if (realm === undefined || realm === found.primaryDomain) return undefined
  return refuse(`the realm of ${tenant} is ${found.primaryDomain}, not ${realm}`)
}

function sealedOf(secret: Secret): Uint8Array {
  assert(secret.kind === 'sealed', 'a password came to apply unsealed')
  return secret.sealed
}

export function extensionByUser(
  db: ReadOnlyDatabase,
  tenant: TenantId,
  user: string,
): ExtensionRow | undefined {
  const row = db.get('SELECT * FROM extensions WHERE tenant = ? AND user = ?', tenant, user)
  return row === undefined ? undefined : decode(row)
}

/** A page in order of `user`, those after `after`. */
export function extensionsOf(
  db: ReadOnlyDatabase,
  tenant: TenantId,
  after: string,
  limit: number,
): readonly ExtensionRow[] {
  const sql = 'SELECT * FROM extensions WHERE tenant = ? AND user > ? ORDER BY user LIMIT ?'
  return db.all(sql, tenant, after, limit).map(decode)
}

export function countExtensions(db: ReadOnlyDatabase): number {
  const row = db.get('SELECT count(*) AS n FROM extensions')
  return Number(row?.['n'] ?? 0)
}

function decode(row: Row): ExtensionRow {
  return {
    tenant: tenantId(row),
    user: text(row, 'user'),
    displayName: text(row, 'display_name'),
    enabled: flag(row, 'enabled'),
    sealed: bytes(row, 'sealed'),
    createdAt: time(row, 'created_at'),
    updatedAt: time(row, 'updated_at'),
  }
}
