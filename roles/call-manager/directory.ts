//! Tenants, domains and extensions, answered from memory, else by a local read.

import type { TenantId } from '../../src/control/ids.ts'

export type Tenant = {
  readonly id: TenantId
  readonly name: string
  /** Realm of its digests, host part of its AORs. */
  readonly primaryDomain: string
  readonly domains: readonly string[]
}

export type Extension = {
  readonly tenant: TenantId
  readonly user: string
  readonly displayName: string
  /** The tenant's primary domain. */
  readonly domain: string
  /** `sip:user@domain`. */
  readonly aor: string
  readonly enabled: boolean
}

/** H(user:realm:password), as the lower-case hex text that digests are computed from. */
export type Credentials = { readonly md5: string; readonly sha256: string }

export interface Directory {
  /**
   * The tenant that owns the domain. An address or name of this machine stands for the first
   * tenant: phones are often given no more than that.
   */
  tenantOf(domain: string): Tenant | undefined
  extension(tenant: TenantId, user: string): Extension | undefined
  /** Undefined for who does not exist or is not enabled. */
  credentials(tenant: TenantId, user: string): Credentials | undefined
}

/** `user` as bytes (unescaped), in any case: users are compared exactly. */
export function aorOf(user: string, primaryDomain: string): string {
  return `sip:${user}@${primaryDomain}`
}
