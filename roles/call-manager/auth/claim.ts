//! Whom a request claims to be of, before anything is proved. Pure.

import type { SipRequest } from '../../../src/sip/message/message.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import { from, to } from '../../../src/sip/message/views.ts'
import { partsOf } from '../events/aor.ts'
import { aorOf, type Directory, type Tenant } from '../directory.ts'

export type Claim = {
  readonly tenant: Tenant
  readonly user: string
  readonly aor: string
  /** Nobody else of the tenant will do. */
  readonly exactly: boolean
}

/** RFC 3323 §4.1.1.3: who calls anonymously shows the tenant by the Request-URI alone. */
const ANONYMOUS = 'anonymous.invalid'

/**
 * To of a REGISTER (RFC 3261 §10.3 step 3), From of all else. Undefined when the domain is none
 * of ours.
 */
export function claimOf(request: SipRequest, directory: Directory): Claim | undefined {
  const exactly = request.method === 'REGISTER'
  const uri = exactly ? to(request)?.uri : from(request)?.uri
  if (uri === undefined) return undefined
  const host = uri.host === ANONYMOUS ? parseUri(request.uri)?.host : uri.host
  const tenant = host === undefined ? undefined : directory.tenantOf(host)
  if (tenant === undefined) return undefined
  const user = uri.user ?? ''
  return { tenant, user, aor: aorOf(user, tenant.primaryDomain), exactly }
}

/** Of who must be behind a request, whatever it says. */
export function claimOfAor(aor: string, directory: Directory): Claim | undefined {
  const { user, domain } = partsOf(aor)
  const tenant = directory.tenantOf(domain)
  return tenant && { tenant, user, aor, exactly: true }
}
