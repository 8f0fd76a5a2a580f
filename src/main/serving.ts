//! What serves phones and people: SIP, the roles and the console over a store that accepts writes.
//! Of a cluster one node has this at a time.

import { Backups } from '../backup/backups.ts'
import { greetingText } from '../cli/greeting.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { FlowNews } from '../cluster/flows.ts'
import { hostAddresses } from '../config/addresses.ts'
import type { Config } from '../config/config.ts'
import type { Installation } from '../config/installation.ts'
import { FIRST_DOMAIN } from '../config/options.ts'
import { removeRunFile, writeRunFile } from '../config/run-file.ts'
import { issueClaim } from '../console/claim.ts'
import { prepareDomains } from '../console/first-start.ts'
import { loadIdentity } from '../http/certificate.ts'
import type { Host } from '../base/host.ts'
import { Metrics } from '../observe/metrics.ts'
import type { Store } from '../store/store.ts'
import type { Identity } from '../x509/issue.ts'
import { openConsole } from './console.ts'
import { openLitestream } from './litestream.ts'
import type { Drain } from './drain.ts'
import { tellFlows } from './flow-news.ts'
import { Opened } from './opened.ts'
import type { MediaRole } from '../../roles/media/role.ts'
import { openRoles } from './roles.ts'
import { openSip } from './sip.ts'

export type ServingOptions = {
  readonly config: Config
  readonly installation: Installation
  readonly host: Host
  readonly store: Store
  readonly cluster: Cluster | undefined
  readonly drain: Drain
  /** Runs already; it ends with this. */
  readonly media: MediaRole
  readonly metrics: Metrics
}

/** To carry away the last changes. */
const LITESTREAM_GRACE_MS = 5_000

export type Serving = {
  readonly healthy: () => Promise<boolean>
  /** Calls get some time to end. */
  readonly close: () => Promise<void>
  /** Another node goes on with everything: lets go of it at once. */
  readonly abandon: () => Promise<void>
}

/** As phones see this system: they know no address but the virtual one, where there is one. */
export function servedConfig(config: Config, cluster: Cluster | undefined): Config {
  return cluster?.vip === undefined ? config : { ...config, address: cluster.vip }
}

/** Rejects with what does not fit this host; then nothing is left open. */
export async function openServing(options: ServingOptions): Promise<Serving> {
  const opened = new Opened()
  try {
    return await open(options, opened)
  } catch (fault) {
    await opened.close()
    throw fault
  }
}

async function open(options: ServingOptions, opened: Opened): Promise<Serving> {
  const { installation, host, store, cluster, drain, metrics } = options
  // The console is there for every address.
  const { config } = options
  const served = servedConfig(config, cluster)
  const addresses = hostAddresses(served.address, config.publicAddress)
  const vips = cluster?.vips ?? []
  const named = config.domain === undefined ? [] : [config.domain]
  const names = [...new Set([...named, ...addresses.names, ...vips])]
  const identity = { names, ...loadIdentity(config.tls, config.data, names, new Date()) }
  const sip = await openSip({
    config: served,
    addresses: vips.length > 0 ? vips : [served.address],
    installation,
    host,
    metrics,
    identity,
  })
  opened.add(() => sip.close())
  const tell = (news: FlowNews): void => cluster?.tellFlows(news)
  const beSilent = tellFlows({ host, transport: sip.transport, vips, tell })
  opened.add(beSilent)
  const roles = openRoles({ ...options, config: served, sip })
  opened.add(() => roles.close())
  const litestream = openLitestream(options)
  opened.add(() => litestream?.stop(LITESTREAM_GRACE_MS))
  const admit = (): void => roles.calls.admit(drain.admitsCalls)
  admit()
  opened.add(drain.changed(admit))
  const backups = openBackups(options, identity)
  await backups.begin()
  const shown = await openConsole({ ...options, identity, sip, roles, backups, litestream })
  opened.add(() => shown.close())
  // Made when nothing can keep them from being shown any more: they are shown once.
  const demo = await prepareDomains(store, host, config.domain, FIRST_DOMAIN)
  const claim = await issueClaim(store, host)
  const local = config.address === served.address ? addresses.local : '127.0.0.1'
  const url = local.includes(':') ? `[${local}]` : local
  writeRunFile(config.data, { pid: process.pid, api: `http://${url}:${shown.httpPort}` })
  opened.add(() => removeRunFile(config.data))
  const { version } = installation
  const { data } = config
  host.log('info', 'server.started', { version, roles: config.roles.join(','), data })
  process.stdout.write(
    greetingText({
      version,
      claim,
      demo,
      roles: config.roles,
      data,
      address: addresses.main,
      httpPort: shown.httpPort,
      httpsPort: shown.httpsPort,
      sipPort: sip.port('udp'),
      sipTlsPort: sip.port('tls'),
    }),
  )
  return {
    healthy: shown.healthy,
    close: () => opened.close(),
    async abandon() {
      beSilent()
      // Sockets first: from now on nobody hears anything from here.
      await Promise.all([sip.close(), shown.close('abrupt')])
      await Promise.all([roles.abandon(), litestream?.stop(0)])
    },
  }
}

function openBackups(
  { config, installation, host, store }: ServingOptions,
  tls: Identity,
): Backups {
  return new Backups({
    host,
    store,
    tls,
    data: config.data,
    name: config.name,
    version: installation.version,
    worker: installation.workers.image,
    addon: installation.sqlite,
  })
}
