//! The TLS identity that this host shows, whether it serves or stands by: made out to all that it
//! is reached by, and in a cluster signed by the cluster's authority, so that phones which verify
//! trust one certificate whichever node they reach.

import type { Cluster } from '../cluster/cluster.ts'
import { hostAddresses } from '../config/addresses.ts'
import type { Config } from '../config/config.ts'
import { loadIdentity } from '../http/certificate.ts'
import type { TlsIdentity } from '../sip/transport/tls.ts'

export function ownIdentity(config: Config, cluster: Cluster | undefined): TlsIdentity {
  const { tls, data, domain, address, publicAddress } = config
  const named = domain === undefined ? [] : [domain]
  const own = hostAddresses(address, publicAddress).names
  const names = [...new Set([...named, ...own, ...(cluster?.vips ?? [])])]
  return { names, ...loadIdentity(tls, data, names, new Date(), cluster?.authority) }
}
