//! The roles, composed. A role that is not there yet is not here either.

import { type RunningCallManager, startCallManager } from '../../roles/call-manager/role.ts'
import { ownHosts } from '../../roles/call-manager/auth/own-hosts.ts'
import { DEFAULT_POLICY } from '../../roles/call-manager/registrar/policy.ts'
import { MediaPool } from '../../roles/media/pool.ts'
import { type MediaRole, startMediaRole } from '../../roles/media/role.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { ClusterTime } from '../cluster/cluster-time.ts'
import type { Cancel, Host } from '../base/host.ts'
import { after, seconds } from '../base/time.ts'
import type { Config } from '../config/config.ts'
import { ConfigFault } from '../config/data-directory.ts'
import type { Installation } from '../config/installation.ts'
import type { NodeId } from '../control/ids.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Store } from '../store/store.ts'
import { readVault } from '../store/vault.ts'
import { MediaByRequests } from '../media/by-requests.ts'
import { mediaServersOf } from './media-link.ts'
import { pause } from './pause.ts'
import type { Sip } from './sip.ts'

const READ_TIME_MS = 1_000

export type Roles = {
  readonly calls: RunningCallManager
  readonly media: MediaRole
  /** Media sessions on a server of its own; undefined when it is not there. */
  readonly sessionsOn: (server: NodeId) => number | undefined
  readonly close: () => Promise<void>
  /** Another node goes on: from now on nothing is ended here, written, or said to anybody. */
  readonly letGo: () => void
  /** After `letGo`: nothing is left of it. */
  readonly abandon: () => Promise<void>
}

export type MediaOptions = Pick<RolesOptions, 'config' | 'installation' | 'host' | 'metrics'> & {
  /** An address besides, of the other family. */
  readonly also?: string | undefined
}

export type RolesOptions = {
  readonly config: Config
  readonly installation: Installation
  readonly host: Host
  readonly metrics: Metrics
  readonly store: Store
  readonly sip: Sip
  /** Runs already; closed with the rest. */
  readonly media: MediaRole
  readonly cluster: Cluster | undefined
  /** In a cluster: that it was elected in. */
  readonly term?: number | undefined
}

/** The error says what to change. */
export async function openMedia(options: MediaOptions): Promise<MediaRole> {
  const { config, installation, host, metrics } = options
  const { native, workers, prompts } = installation
  const media = await startMediaRole({
    host,
    metrics,
    prompts,
    address: config.address,
    also: options.also,
    publicAddress: config.publicAddress,
    rtpPorts: config.rtpPorts,
    native: native.ok ? native.value : undefined,
    worker: workers.media,
  })
  if (!media.ok) throw new ConfigFault(media.error)
  return media.value
}

export function openRoles(options: RolesOptions): Roles {
  const { config, installation, host, metrics, store, sip, media } = options
  // Before the calls are taken up, and in the same moment: no server has told yet what it carries.
  const link = options.cluster && mediaServersOf(options.cluster, store, options.term ?? 0)
  const pool = new MediaPool({ host, local: media.carrier, link })
  const dated = datedHost(host, options.cluster)
  const calls = startCallManager({
    host: dated.host,
    date: host.wall,
    store,
    vault: readVault(config.data),
    stack: sip.stack,
    transport: sip.transport,
    media: config.mediaAnchor ? new MediaByRequests(pool) : undefined,
    isOurs: ownHosts(host, config.publicAddress === undefined ? [] : [config.publicAddress]),
    registrar: {
      ...DEFAULT_POLICY,
      expiryMin: seconds(config.expires.min),
      expiryMax: seconds(config.expires.max),
    },
    calls: {
      node: config.name as NodeId,
      product: `pbx/${installation.version}`,
      host: config.name,
      anchor: config.mediaAnchor,
      ringTimeout: seconds(180),
      groupTimeout: seconds(20),
      redirectsMax: 5,
      transfersMax: 20,
      callsPerExtension: config.callsPer.extension,
      callsPerTenant: config.callsPer.tenant,
      sessionExpires: 1800,
      minSe: 90,
      promptUnknown: true,
    },
  })
  measure(metrics, calls)
  return {
    calls,
    media,
    sessionsOn: (server) => pool.statusOf(server)?.sessions,
    async close() {
      await close(calls, options)
      dated.stop()
      pool.stop()
      await media.stop()
    },
    letGo() {
      calls.stop()
      dated.stop()
      // Whoever leads now commands the servers.
      pool.stop()
    },
    abandon: () => media.stop(),
  }
}

/** What it stores is judged by successors: in a cluster its wall clock is the cluster's time. */
function datedHost(host: Host, cluster: Cluster | undefined): { host: Host; stop: Cancel } {
  if (cluster === undefined) return { host, stop: () => {} }
  const time = new ClusterTime(host, cluster.standing?.timeAhead)
  // Read as often as by the thread that tells it the others: a clock that is set shows at once.
  const reading = setInterval(time.read, READ_TIME_MS)
  return { host: { ...host, wall: time.read }, stop: () => clearInterval(reading) }
}

/** Calls get some time to end; what is left then is ended by us, with its record written. */
async function close(calls: RunningCallManager, { host, config }: RolesOptions): Promise<void> {
  calls.drain()
  const deadline = after(host.now(), seconds(config.drainSeconds))
  const left = (): number => calls.counters().calls + calls.counters().cdrsWaiting
  while (left() > 0 && host.now() < deadline) await pause(host, 50)
  if (left() > 0) host.log('warn', 'calls.cut-off', { calls: left() })
  calls.stop()
}

function measure(metrics: Metrics, calls: RunningCallManager): void {
  metrics.gauge('calls', 'Calls that have not ended.', () => calls.counters().calls)
  metrics.gauge('bindings', 'Registered contacts.', () => calls.counters().bindings)
  metrics.gauge('subscriptions', 'Subscriptions.', () => calls.counters().subscriptions)
  metrics.gauge('cdrs_waiting', 'Call records on their way to the disk.', () => {
    return calls.counters().cdrsWaiting
  })
  metrics.countedBy('call_events_total', 'What happened to calls, by kind.', 'kind', () => {
    return { ...calls.counters().call }
  })
  metrics.countedBy('requests_turned_away_total', 'Requests not served, by how.', 'how', () => {
    return { ...calls.counters().dispatch }
  })
}
