//! The doors of a node that does not serve now: how it is, and where to go.

import type { Cluster } from '../cluster/cluster.ts'
import type { Config } from '../config/config.ts'
import { consoleAddress, hostAddresses } from '../config/addresses.ts'
import type { Installation } from '../config/installation.ts'
import { Access } from '../console/access.ts'
import { standbyRoutes } from '../console/standby.ts'
import type { Host } from '../base/host.ts'
import { localToken } from '../http/secrets.ts'
import { openHttp } from '../http/server.ts'
import type { Drain } from './drain.ts'
import { type OwnIdentity, ownIdentity } from './identity.ts'
import { Metrics } from '../observe/metrics.ts'
import { sayRunning } from './running.ts'
import type { Store } from '../store/store.ts'

export type StandbyOptions = {
  readonly config: Config
  readonly installation: Installation
  readonly host: Host
  readonly store: Store
  readonly cluster: Cluster
  readonly drain: Drain
}

export type Standby = {
  readonly identity: OwnIdentity
  readonly close: () => Promise<void>
}

export async function openStandby(options: StandbyOptions): Promise<Standby> {
  const { config, installation, host, store, cluster, drain } = options
  const identity = ownIdentity(config, cluster)
  const addresses = hostAddresses(config.address, config.publicAddress)
  const http = await openHttp({
    address: consoleAddress(config.address, cluster.vips),
    // It cannot serve then, and says why; but it has a vote, and is asked how it is.
    withoutIpv6: config.address,
    httpPort: config.httpPort,
    httpsPort: config.httpsPort,
    identity,
    metrics: new Metrics(config.name),
    log: host.log,
    routes: (app) =>
      standbyRoutes(app, {
        cluster,
        drain,
        store,
        access: new Access(host, store, localToken(config.data)),
        name: config.name,
        version: installation.version,
        started: host.wall(),
        roles: config.roles,
        httpsPort: config.httpsPort,
        isIssued: config.tls.certificate === undefined,
      }),
    onUpgrade: ({ socket }) => void socket.destroy(),
  })
  sayRunning(host, config.data, addresses.local, http.httpPort)
  return { identity, close: () => http.close(0) }
}
