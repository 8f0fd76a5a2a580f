//! How the system is: the whole picture for administrators, the health for whoever watches.

import { schemaVersion } from '../../store/schema/version.ts'
import { allTenants } from '../../store/schema/tenant.ts'
import { countExtensions } from '../../store/schema/extension.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { Store } from '../../store/store.ts'
import type { WallTime } from '../../base/time.ts'
import type { ConsoleContext } from '../context.ts'
import type { Replication } from '../system-view.ts'
import { clusterPart } from './cluster.ts'
import { defined } from './defined.ts'
import type { DrainControl } from '../drain-control.ts'
import { drainPart } from './drain.ts'
import * as shapes from './shapes.ts'
import type { Api } from './typed.ts'

export function statusRoute(api: Api, context: ConsoleContext): void {
  api.get('/status', { schema: { response: { 200: shapes.StatusShape } } }, () => statusOf(context))
}

export async function statusOf(context: ConsoleContext): Promise<shapes.Status> {
  const { view } = context
  const { roles, started } = view
  return {
    ...nodeStatus({ ...context, roles, started }),
    health: await healthOf(context),
    endpoints: view.endpoints().map((each) => ({ ...each })),
    registrations: view.registrationCount,
    calls: view.calls().length,
    ...replicationPart(view.replication()),
  }
}

function replicationPart(replication: Replication | undefined): Pick<shapes.Status, 'replication'> {
  if (replication === undefined) return {}
  const { since, copiedAt, why, ...rest } = replication
  const at = (time: WallTime): string => new Date(time).toISOString()
  const known = defined({ why, copiedAt: copiedAt && at(copiedAt) })
  return { replication: { ...rest, since: at(since), ...known } }
}

export type NodeFacts = {
  readonly name: string
  readonly version: string
  readonly roles: readonly string[]
  /** Milliseconds since 1970. */
  readonly started: number
  readonly store: Store
  readonly cluster: Cluster | undefined
  readonly drain: DrainControl
}
type OfServing = 'health' | 'endpoints' | 'registrations' | 'calls' | 'replication'

/** What holds whether it serves or stands by. */
export function nodeStatus(facts: NodeFacts): Omit<shapes.Status, OfServing> {
  const { name, version, roles, started, store, cluster, drain } = facts
  const tenants = store.read(allTenants)
  return {
    name,
    version,
    node: process.versions.node,
    roles: [...roles],
    startedAt: new Date(started).toISOString(),
    domains: tenants.slice(0, 100).map(({ primaryDomain }) => primaryDomain),
    extensions: store.read(countExtensions),
    residentBytes: process.memoryUsage.rss(),
    schema: store.read(schemaVersion),
    ...clusterPart(cluster),
    ...drainPart(drain),
  }
}

export async function healthOf({ view, cluster }: ConsoleContext): Promise<shapes.Health> {
  const own = await view.health()
  // Nothing that starting this process anew would mend: what supervises it does not ask for it.
  const detail = cluster?.standing?.conflict
  const conflicts = detail === undefined ? [] : [{ name: 'virtual address', ok: false, detail }]
  const checks = [...own.map((each) => ({ ...each })), ...conflicts]
  return { healthy: checks.every(({ ok }) => ok), checks }
}
