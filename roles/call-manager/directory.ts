//! Tenants, domains and extensions, answered from memory, else by a local read.

import { assert } from '../../src/base/assert.ts'
import type { Cancel } from '../../src/base/host.ts'
import type { TenantId } from '../../src/control/ids.ts'
import { bytesOf, flat } from '../../src/sip/message/text.ts'
import { openCredentials } from '../../src/store/credentials.ts'
import {
  extensionByUser,
  type ExtensionCommand,
  type ExtensionRow,
} from '../../src/store/schema/extension.ts'
import { allTenants, domainsOf } from '../../src/store/schema/tenant.ts'
import type { Command, Store } from '../../src/store/store.ts'
import type { Vault } from '../../src/store/vault.ts'
import { Recent } from './auth/recent.ts'
import { TextMap } from './memory/text-map.ts'

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
  /** As bytes, ready for a SIP header: see sip/message/text.ts. */
  readonly displayName: string
  /** The tenant's primary domain. */
  readonly domain: string
  /** `sip:user@domain`. */
  readonly aor: string
  readonly enabled: boolean
}

/** H(user:realm:password), as the lower-case hex text that digests are computed from. */
type Credentials = { readonly md5: string; readonly sha256: string }

export interface Directory {
  /**
   * The tenant that owns the domain (in lower case). An address or name of this machine stands
   * for the first tenant: phones are often given no more than that.
   */
  tenantOf(domain: string): Tenant | undefined
  extension(tenant: TenantId, user: string): Extension | undefined
  /** Undefined for who does not exist or is not enabled. */
  credentials(tenant: TenantId, user: string): Credentials | undefined
}

export type DirectoryOptions = {
  readonly store: Store
  readonly vault: Vault
  /** Whether a host name or address means this machine. */
  readonly isOurs: (host: string) => boolean
  /** Extensions kept in memory, some 150 bytes each. */
  readonly capacity?: number
}

/** `user` as bytes (unescaped), in any case: users are compared exactly. */
export function aorOf(user: string, primaryDomain: string): string {
  return `sip:${user}@${primaryDomain}`
}

export function openDirectory(options: DirectoryOptions): Directory & { readonly close: Cancel } {
  const directory = new CachedDirectory(options)
  const close = options.store.applied(({ command }) => directory.onApplied(command))
  return {
    tenantOf: (domain) => directory.tenantOf(domain),
    extension: (tenant, user) => directory.extension(tenant, user),
    credentials: (tenant, user) => directory.credentials(tenant, user),
    close,
  }
}

/** What is known of an extension, in hand. It is kept as bytes, for there may be 100,000. */
class Known implements Extension, Credentials {
  readonly tenant: TenantId
  readonly domain: string
  readonly user: string
  readonly aor: string
  /** As `knownText` makes it. */
  readonly #text: string

  constructor(owner: Tenant, user: string, aor: string, text: string) {
    this.tenant = owner.id
    this.domain = owner.primaryDomain
    this.user = flat(user)
    this.aor = flat(aor)
    this.#text = text
  }

  get enabled(): boolean {
    return this.#text.startsWith(ENABLED)
  }

  get md5(): string {
    return hexOf(this.#text.slice(MD5_AT, SHA256_AT))
  }

  get sha256(): string {
    return hexOf(this.#text.slice(SHA256_AT, NAME_AT))
  }

  get displayName(): string {
    return this.#text.slice(NAME_AT)
  }
}

const ENABLED = '+'
const DISABLED = '-'
const MD5_AT = 1
const SHA256_AT = MD5_AT + 16
const NAME_AT = SHA256_AT + 32

/** Whether it is enabled, both digests as bytes, the display name. */
function knownText({ enabled, displayName }: ExtensionRow, { md5, sha256 }: Credentials): string {
  const digests = Buffer.from(md5 + sha256, 'hex').toString('latin1')
  return (enabled ? ENABLED : DISABLED) + digests + bytesOf(displayName)
}

function hexOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('hex')
}

/** Twice what is online, so that nobody online is ever read again. */
const CAPACITY = 200_000
/** Names that were asked for and are nobody's: kept apart, so that a scan cannot empty the rest. */
const STRANGERS = 4_096

class CachedDirectory implements Directory {
  readonly #store: Store
  readonly #vault: Vault
  readonly #isOurs: (host: string) => boolean
  /** Read whole, again after a change: there are few, and they seldom change. */
  #tenants: Tenants | undefined
  /** By AOR. */
  readonly #known: Recent<string, string>
  /** Who was asked for last is asked for again: first the credentials, then the extension. */
  #last: Known | undefined
  readonly #strangers = new Recent<string, true>(STRANGERS)
  /** Opened in vain for strangers, so that asking for one takes as long as for a user. */
  readonly #decoy: Uint8Array

  constructor({ store, vault, isOurs, capacity = CAPACITY }: DirectoryOptions) {
    this.#store = store
    this.#vault = vault
    this.#isOurs = isOurs
    this.#known = new Recent(capacity, () => new TextMap())
    this.#decoy = vault.seal('decoy', new Uint8Array(48))
  }

  tenantOf(domain: string): Tenant | undefined {
    const tenants = (this.#tenants ??= this.#readTenants())
    return tenants.byDomain.get(domain) ?? (this.#isOurs(domain) ? tenants.first : undefined)
  }

  extension(tenant: TenantId, user: string): Extension | undefined {
    return this.#find(tenant, user)
  }

  credentials(tenant: TenantId, user: string): Credentials | undefined {
    const known = this.#find(tenant, user)
    return known?.enabled === true ? known : undefined
  }

  onApplied(command: Command): void {
    this.#last = undefined
    if (isOfTenants(command) || command.kind === 'restore.finished') {
      this.#tenants = undefined
      // A tenant's extensions hold its primary domain.
      this.#known.clear()
      this.#strangers.clear()
    } else if (command.kind === 'extension.import') {
      for (const [user] of command.rows) this.#forget(command.tenant, user)
    } else if (isOfExtension(command)) this.#forget(command.tenant, command.user)
  }

  #forget(tenant: TenantId, user: string): void {
    const owner = this.#tenant(tenant)
    if (owner === undefined) return
    const aor = aorOf(user, owner.primaryDomain)
    this.#known.delete(aor)
    this.#strangers.delete(aor)
  }

  #find(tenant: TenantId, user: string): Known | undefined {
    if (this.#last?.user === user && this.#last.tenant === tenant) return this.#last
    const owner = this.#tenant(tenant)
    if (owner === undefined) return undefined
    const aor = aorOf(user, owner.primaryDomain)
    const known = this.#known.get(aor)
    if (known !== undefined) return this.#inHand(owner, user, aor, known)
    if (this.#strangers.get(aor) !== undefined) return undefined
    const row = this.#store.read((db) => extensionByUser(db, tenant, user))
    if (row === undefined) {
      openCredentials(this.#vault, { tenant, user }, this.#decoy)
      this.#strangers.set(aor, true)
      return undefined
    }
    const opened = openCredentials(this.#vault, row, row.sealed)
    assert(opened !== undefined, `the secret of ${aor} was sealed with another key`)
    const read = knownText(row, opened)
    this.#known.set(aor, read)
    return this.#inHand(owner, user, aor, read)
  }

  #inHand(owner: Tenant, user: string, aor: string, text: string): Known {
    this.#last = new Known(owner, user, aor, text)
    return this.#last
  }

  #tenant(tenant: TenantId): Tenant | undefined {
    return (this.#tenants ??= this.#readTenants()).byId.get(tenant)
  }

  #readTenants(): Tenants {
    return this.#store.read((db) => {
      const byDomain = new Map<string, Tenant>()
      const byId = new Map<TenantId, Tenant>()
      for (const { tenant: id, name, primaryDomain } of allTenants(db)) {
        const tenant: Tenant = { id, name, primaryDomain, domains: domainsOf(db, id) }
        byId.set(id, tenant)
        for (const domain of tenant.domains) byDomain.set(domain, tenant)
      }
      return { byDomain, byId, first: byId.values().next().value }
    })
  }
}

function isOfTenants({ kind }: Command): boolean {
  return kind.startsWith('tenant.') || kind.startsWith('domain.')
}

type OfExtension = Extract<ExtensionCommand, { user: string }>

function isOfExtension(command: Command): command is OfExtension {
  return command.kind.startsWith('extension.') && 'user' in command
}

type Tenants = {
  readonly byDomain: ReadonlyMap<string, Tenant>
  readonly byId: ReadonlyMap<TenantId, Tenant>
  /** The oldest. */
  readonly first: Tenant | undefined
}
