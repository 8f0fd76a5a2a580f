//! Which tenant a request of the console is about.

import { HttpRefusal } from '../http/server.ts'
import { allTenants, ownerOf, tenantById, type TenantRow } from '../store/schema/tenant.ts'
import type { ProposeFailure, Store } from '../store/store.ts'

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

/** A failed proposal as an HTTP answer. */
export function refusalOf(failure: ProposeFailure): HttpRefusal {
  switch (failure.kind) {
    case 'rejected':
      return new HttpRefusal(409, failure.reason)
    case 'overloaded':
      return new HttpRefusal(503, 'the store is overloaded; try again', 5)
    case 'no-leader':
      return new HttpRefusal(503, 'no node leads at the moment; try again', 2)
    case 'closed':
      return new HttpRefusal(503, 'the system is shutting down', 30)
    case 'timeout':
      return new HttpRefusal(504, 'no answer in time: it may or may not have been done')
  }
}
