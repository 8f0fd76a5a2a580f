//! The TLS identity that this host shows, whether it serves or stands by: made out to all that it
//! is reached by, and in a cluster signed by the cluster's authority, so that phones which verify
//! trust one certificate whichever node they reach.

import { X509Certificate } from 'node:crypto'
import type { WallTime } from '../base/time.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { hostAddresses } from '../config/addresses.ts'
import type { Config } from '../config/config.ts'
import { loadIdentity } from '../http/certificate.ts'
import { isCurrent } from '../x509/issue.ts'
import type { TlsIdentity } from '../sip/transport/tls.ts'

export type OwnIdentity = TlsIdentity & {
  /** Whether it need not be made anew, by this wall clock. */
  readonly isCurrent: (now: WallTime) => boolean
}

export function ownIdentity(config: Config, cluster: Cluster | undefined): OwnIdentity {
  const { tls, data, domain, address, publicAddress } = config
  const named = domain === undefined ? [] : [domain]
  const { names: here } = hostAddresses(address, publicAddress)
  const names = [...new Set([...named, ...here, ...(cluster?.vips ?? [])])]
  const loaded = loadIdentity(tls, data, names, new Date(), cluster?.authority)
  // Files are not ours to make.
  const own = loaded.selfSigned ? new X509Certificate(loaded.certificate) : undefined
  return { names, ...loaded, isCurrent: (at) => own === undefined || isCurrent(own, at) }
}
