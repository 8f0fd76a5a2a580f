//! Whether credentials are for the request that they came with: RFC 7616 §3.4.6, RFC 3261 §22.4.
//! Deviation: equivalent is whose user and host are the same. Ports, parameters and schemes are not
//! compared (sipsak truncates the port, others leave parameters out), names of one tenant are one
//! host (what is between rewrites them), and of a REGISTER only the host counts, as it does for who
//! names nothing but the server (SIPp).

import type { SipRequest } from '../../../src/sip/message/message.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import type { Directory, Tenant } from '../directory.ts'

/** `uri`: the `uri` of the credentials. */
export function isMeantFor(
  request: SipRequest,
  uri: string,
  tenant: Tenant,
  directory: Pick<Directory, 'tenantOf'>,
): boolean {
  if (uri === request.uri) return true
  const meant = parseUri(uri)
  const asked = parseUri(request.uri)
  if (meant === undefined || asked === undefined) return false
  if (meant.opaque !== asked.opaque) return false
  const byUser = meant.user !== undefined && request.method !== 'REGISTER'
  if (byUser && meant.user !== asked.user) return false
  const isOwn = (host: string): boolean => directory.tenantOf(host)?.id === tenant.id
  return meant.host === asked.host || (isOwn(meant.host) && isOwn(asked.host))
}
