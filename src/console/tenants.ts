//! Which tenant a request of the console is about.

import { HttpRefusal } from '../http/server.ts'
import { allTenants, ownerOf, tenantById, type TenantRow } from '../store/schema/tenant.ts'
import type { Store } from '../store/store.ts'

/** The tenant that owns the domain, the first one when none is named; refuses an unknown one. */
export function tenantNamed(store: Store, domain: string | undefined): TenantRow {
  const found = store.read((db) => {
    if (domain === undefined) return allTenants(db)[0]
    const owner = ownerOf(db, domain.toLowerCase())
    return owner === undefined ? undefined : tenantById(db, owner)
  })
  if (found !== undefined) return found
  const known = store.read((db) => allTenants(db).slice(0, 5))
  const names = known.map(({ primaryDomain }) => primaryDomain).join(', ')
  throw new HttpRefusal(404, `there is no domain ${domain ?? 'yet'}; there are: ${names}`)
}
