//! What a new system needs before anyone can use it: a tenant with its domain, and two extensions
//! to try it with. Later starts only make sure of a domain that was named.

import { assert } from '../base/assert.ts'
import type { Host } from '../base/host.ts'
import type { TenantId } from '../control/ids.ts'
import { allTenants, ownerOf } from '../store/schema/tenant.ts'
import type { Command, Store } from '../store/store.ts'
import { newPassword } from './passwords.ts'

export type DemoExtension = {
  readonly user: string
  readonly domain: string
  /** Shown once; the store keeps no more than digests of it. */
  readonly password: string
}

const DEMO_USERS = ['1001', '1002']

/** `named`: the domain of the command line, if any; `fallback`: that of a system without one. */
export async function prepareDomains(
  store: Store,
  host: Host,
  named: string | undefined,
  fallback: string,
): Promise<readonly DemoExtension[]> {
  const [first] = store.read(allTenants)
  if (first === undefined) return makeFirstTenant(store, host, named ?? fallback)
  if (named === undefined || store.read((db) => ownerOf(db, named)) !== undefined) return []
  await commit(store, { kind: 'domain.add', tenant: first.tenant, domain: named })
  host.log('info', 'domain.added', { domain: named, tenant: first.tenant })
  return []
}

async function makeFirstTenant(
  store: Store,
  host: Host,
  domain: string,
): Promise<readonly DemoExtension[]> {
  const tenant = domain as TenantId
  const at = host.wall()
  await commit(store, { kind: 'tenant.put', tenant, name: domain, primaryDomain: domain, at })
  const demo = DEMO_USERS.map((user) => ({ user, domain, password: newPassword() }))
  for (const { user, password } of demo)
    await commit(store, {
      kind: 'extension.put',
      tenant,
      user,
      displayName: `Demo ${user}`,
      enabled: true,
      secret: { kind: 'password', realm: domain, password },
      at,
    })
  return demo
}

async function commit(store: Store, command: Command): Promise<void> {
  const done = await store.propose(command)
  // Nobody else writes yet and the commands are ours: a refusal is a bug.
  assert(done.ok, `${command.kind}: ${JSON.stringify(done)}`)
}
