//! Who may use the console and the API: accounts of people, tokens of programs, and the one-time
//! claim that makes the first administrator. Class: durable. Only hashes are stored.

import type { WallTime } from '../../base/time.ts'
import type { TenantId } from '../../control/ids.ts'
import { bytes, text, textOrNone, time, timeOrNone } from '../row.ts'
import {
  refuse,
  type Schema,
  type ReadOnlyDatabase,
  type Refusal,
  type Row,
  type WritableDatabase,
} from '../store.ts'

type AccountRole = 'system-administrator' | 'tenant-administrator' | 'supervisor' | 'user'

export type Account = {
  readonly name: string
  readonly role: AccountRole
  /** Undefined for system administrators, who are of no tenant. */
  readonly tenant: TenantId | undefined
  /** Argon2id in PHC form, from `hashPassword`. */
  readonly passwordHash: string
  readonly createdAt: WallTime
}

export type ApiToken = {
  readonly id: string
  readonly label: string
  readonly role: AccountRole
  readonly tenant: TenantId | undefined
  /** SHA-256, from `hashToken`. */
  readonly tokenHash: Uint8Array
  readonly createdAt: WallTime
  readonly expiresAt: WallTime | undefined
}

export type AccountCommand =
  /** Replaces an unused claim; refused when a system administrator exists. */
  | { readonly kind: 'claim.issued'; readonly tokenHash: Uint8Array; readonly at: WallTime }
  /** Uses up the claim and makes the first administrator, or is refused. */
  | {
      readonly kind: 'account.claimed'
      readonly tokenHash: Uint8Array
      readonly account: Account
    }
  | { readonly kind: 'account.put'; readonly account: Account }
  | { readonly kind: 'account.passwd'; readonly name: string; readonly passwordHash: string }
  /** Refused for the last system administrator. */
  | { readonly kind: 'account.remove'; readonly name: string }
  | { readonly kind: 'api-token.put'; readonly token: ApiToken }
  | { readonly kind: 'api-token.remove'; readonly id: string }

const TABLES = `
CREATE TABLE claim (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  token_hash BLOB NOT NULL,
  issued_at INTEGER NOT NULL
) STRICT;
CREATE TABLE accounts (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  tenant TEXT,
  password_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  label TEXT NOT NULL,
  role TEXT NOT NULL,
  tenant TEXT,
  token_hash BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT, WITHOUT ROWID;
`

export const accountSchema: Schema<AccountCommand> = {
  migrations: [{ version: 1, sql: TABLES }],
  apply,
}

function apply(db: WritableDatabase, command: AccountCommand): Refusal | undefined {
  switch (command.kind) {
    case 'claim.issued':
      if (isClaimed(db)) return refuse('the system has an administrator already')
      db.run('INSERT OR REPLACE INTO claim VALUES (1, ?, ?)', command.tokenHash, command.at)
      return undefined
    case 'account.claimed':
      return claim(db, command.tokenHash, command.account)
    case 'account.put':
      if (isLastAdministrator(db, command.account.name) && !isSystem(command.account))
        return refuse('the last system administrator keeps the role')
      putAccount(db, command.account)
      return undefined
    case 'account.passwd':
      return changedOne(
        db.run(
          'UPDATE accounts SET password_hash = ? WHERE name = ?',
          command.passwordHash,
          command.name,
        ),
        `there is no account ${command.name}`,
      )
    case 'account.remove':
      if (isLastAdministrator(db, command.name))
        return refuse('the last system administrator cannot be removed')
      return changedOne(
        db.run('DELETE FROM accounts WHERE name = ?', command.name),
        `there is no account ${command.name}`,
      )
    case 'api-token.put':
      putToken(db, command.token)
      return undefined
    case 'api-token.remove':
      return changedOne(
        db.run('DELETE FROM api_tokens WHERE id = ?', command.id),
        `there is no API token ${command.id}`,
      )
  }
}

function claim(db: WritableDatabase, tokenHash: Uint8Array, account: Account): Refusal | undefined {
  if (isClaimed(db)) return refuse('the system has an administrator already')
  if (!isClaimLink(db, tokenHash)) return refuse('this claim link is not valid')
  if (!isSystem(account)) return refuse('the first account is a system administrator')
  db.run('DELETE FROM claim')
  putAccount(db, account)
  return undefined
}

function putAccount(db: WritableDatabase, account: Account): void {
  db.run(
    'INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?)',
    account.name,
    account.role,
    account.tenant ?? null,
    account.passwordHash,
    account.createdAt,
  )
}

function putToken(db: WritableDatabase, token: ApiToken): void {
  db.run(
    'INSERT OR REPLACE INTO api_tokens VALUES (?, ?, ?, ?, ?, ?, ?)',
    token.id,
    token.label,
    token.role,
    token.tenant ?? null,
    token.tokenHash,
    token.createdAt,
    token.expiresAt ?? null,
  )
}

function changedOne(changed: number, otherwise: string): Refusal | undefined {
  return changed === 1 ? undefined : refuse(otherwise)
}

function isSystem(account: Account): boolean {
  return account.role === 'system-administrator'
}

function isLastAdministrator(db: ReadOnlyDatabase, name: string): boolean {
  const rows = db.all("SELECT name FROM accounts WHERE role = 'system-administrator' LIMIT 2")
  const [only] = rows
  return rows.length === 1 && only !== undefined && text(only, 'name') === name
}

/** Whether a system administrator exists. */
export function isClaimed(db: ReadOnlyDatabase): boolean {
  const sql = "SELECT 1 FROM accounts WHERE role = 'system-administrator' LIMIT 1"
  return db.get(sql) !== undefined
}

/** Whether the link with this token is the one that was issued last, and not used. */
export function isClaimLink(db: ReadOnlyDatabase, tokenHash: Uint8Array): boolean {
  return db.get('SELECT 1 FROM claim WHERE token_hash = ?', tokenHash) !== undefined
}

export function accountByName(db: ReadOnlyDatabase, name: string): Account | undefined {
  const row = db.get('SELECT * FROM accounts WHERE name = ?', name)
  return row === undefined ? undefined : decodeAccount(row)
}

/** The token whose hash this is, expired or not. */
export function apiTokenByHash(db: ReadOnlyDatabase, hash: Uint8Array): ApiToken | undefined {
  const row = db.get('SELECT * FROM api_tokens WHERE token_hash = ?', hash)
  return row === undefined ? undefined : decodeToken(row)
}

function decodeAccount(row: Row): Account {
  return {
    name: text(row, 'name'),
    role: text(row, 'role') as AccountRole,
    tenant: textOrNone(row, 'tenant') as TenantId | undefined,
    passwordHash: text(row, 'password_hash'),
    createdAt: time(row, 'created_at'),
  }
}

function decodeToken(row: Row): ApiToken {
  return {
    id: text(row, 'id'),
    label: text(row, 'label'),
    role: text(row, 'role') as AccountRole,
    tenant: textOrNone(row, 'tenant') as TenantId | undefined,
    tokenHash: bytes(row, 'token_hash'),
    createdAt: time(row, 'created_at'),
    expiresAt: timeOrNone(row, 'expires_at'),
  }
}
