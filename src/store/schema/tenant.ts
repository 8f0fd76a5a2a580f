//! Tenants and their SIP domains. Class: durable.

import type { WallTime } from '../../base/time.ts'
import type { TenantId } from '../../control/ids.ts'
import { text, time } from '../row.ts'
import { SYSTEM_SCOPE } from './setting.ts'
import {
  refuse,
  type Schema,
  type ReadOnlyDatabase,
  type Refusal,
  type Row,
  type WritableDatabase,
} from '../store.ts'

export type TenantRow = {
  readonly tenant: TenantId
  readonly name: string
  /** Realm of the digests and host part of every AOR; fixed while the tenant has extensions. */
  readonly primaryDomain: string
  readonly createdAt: WallTime
}

/** Domains are lower-case host names. */
export type TenantCommand =
  | {
      readonly kind: 'tenant.put'
      readonly tenant: TenantId
      readonly name: string
      readonly primaryDomain: string
      readonly at: WallTime
    }
  /** With its domains; refused while it has extensions. */
  | { readonly kind: 'tenant.remove'; readonly tenant: TenantId }
  | { readonly kind: 'domain.add'; readonly tenant: TenantId; readonly domain: string }
  | { readonly kind: 'domain.remove'; readonly domain: string }

const TABLES = `
CREATE TABLE tenants (
  tenant TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  primary_domain TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE domains (
  domain TEXT PRIMARY KEY,
  tenant TEXT NOT NULL REFERENCES tenants
) STRICT, WITHOUT ROWID;
CREATE INDEX domains_by_tenant ON domains (tenant);
`

export const tenantSchema: Schema<TenantCommand> = {
  migrations: [{ version: 1, sql: TABLES }],
  apply,
}

function apply(db: WritableDatabase, command: TenantCommand): Refusal | undefined {
  switch (command.kind) {
    case 'tenant.put':
      return put(db, command)
    case 'tenant.remove':
      if (hasExtensions(db, command.tenant)) return refuse('the tenant still has extensions')
      if (tenantById(db, command.tenant) === undefined)
        return refuse(`there is no tenant ${command.tenant}`)
      db.run('DELETE FROM domains WHERE tenant = ?', command.tenant)
      db.run('DELETE FROM tenants WHERE tenant = ?', command.tenant)
      return undefined
    case 'domain.add':
      return addDomain(db, command.tenant, command.domain)
    case 'domain.remove':
      if (db.get('SELECT 1 FROM tenants WHERE primary_domain = ?', command.domain) !== undefined)
        return refuse(`${command.domain} is its tenant's primary domain`)
      db.run('DELETE FROM domains WHERE domain = ?', command.domain)
      return undefined
  }
}

type Put = Extract<TenantCommand, { kind: 'tenant.put' }>

function put(db: WritableDatabase, command: Put): Refusal | undefined {
  const { tenant, name, primaryDomain, at } = command
  if (tenant === SYSTEM_SCOPE) return refuse(`a tenant cannot be called ${SYSTEM_SCOPE}`)
  const owner = ownerOf(db, primaryDomain)
  if (owner !== undefined && owner !== tenant)
    return refuse(`the domain ${primaryDomain} belongs to another tenant`)
  const before = tenantById(db, tenant)
  // The digests of a tenant's passwords are bound to this name.
  if (before !== undefined && before.primaryDomain !== primaryDomain && hasExtensions(db, tenant))
    return refuse('the primary domain cannot change while the tenant has extensions')
  db.run(
    `INSERT INTO tenants VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
     SET name = excluded.name, primary_domain = excluded.primary_domain`,
    tenant,
    name,
    primaryDomain,
    at,
  )
  db.run('INSERT INTO domains VALUES (?, ?) ON CONFLICT DO NOTHING', primaryDomain, tenant)
  return undefined
}

function addDomain(db: WritableDatabase, tenant: string, domain: string): Refusal | undefined {
  if (tenantById(db, tenant) === undefined) return refuse(`there is no tenant ${tenant}`)
  const owner = ownerOf(db, domain)
  if (owner !== undefined && owner !== tenant)
    return refuse(`the domain ${domain} belongs to another tenant`)
  db.run('INSERT INTO domains VALUES (?, ?) ON CONFLICT DO NOTHING', domain, tenant)
  return undefined
}

function hasExtensions(db: ReadOnlyDatabase, tenant: string): boolean {
  return db.get('SELECT 1 FROM extensions WHERE tenant = ? LIMIT 1', tenant) !== undefined
}

/** The tenant that owns the domain. */
export function ownerOf(db: ReadOnlyDatabase, domain: string): TenantId | undefined {
  const row = db.get('SELECT tenant FROM domains WHERE domain = ?', domain)
  return row === undefined ? undefined : tenantId(row)
}

export function tenantById(db: ReadOnlyDatabase, tenant: string): TenantRow | undefined {
  const row = db.get('SELECT * FROM tenants WHERE tenant = ?', tenant)
  return row === undefined ? undefined : decode(row)
}

/** Oldest first: the first one is the default for requests that name our address only. */
export function allTenants(db: ReadOnlyDatabase): readonly TenantRow[] {
  return db.all('SELECT * FROM tenants ORDER BY created_at, tenant').map(decode)
}

/** Every domain of the tenant, sorted. */
export function domainsOf(db: ReadOnlyDatabase, tenant: TenantId): readonly string[] {
  const rows = db.all('SELECT domain FROM domains WHERE tenant = ? ORDER BY domain', tenant)
  return rows.map((row) => text(row, 'domain'))
}

export function tenantId(row: Row): TenantId {
  return text(row, 'tenant') as TenantId
}

function decode(row: Row): TenantRow {
  return {
    tenant: tenantId(row),
    name: text(row, 'name'),
    primaryDomain: text(row, 'primary_domain'),
    createdAt: time(row, 'created_at'),
  }
}
