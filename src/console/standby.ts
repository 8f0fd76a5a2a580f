//! What a node answers that does not serve now: its status, and to everything else where to go.

import type { FastifyInstance } from 'fastify'
import type { Cluster } from '../cluster/cluster.ts'
import { HttpRefusal } from '../http/server.ts'
import { countExtensions } from '../store/schema/extension.ts'
import { allTenants } from '../store/schema/tenant.ts'
import type { Store } from '../store/store.ts'
import type { Access } from './access.ts'
import { clusterPart } from './api/cluster.ts'
import type * as shapes from './api/shapes.ts'

export type StandbyContext = {
  readonly cluster: Cluster
  readonly store: Store
  readonly access: Access
  readonly name: string
  readonly version: string
  readonly startedAt: number
  readonly roles: readonly string[]
}

export function standbyRoutes(app: FastifyInstance, context: StandbyContext): void {
  const { access, cluster } = context
  app.get('/healthz', (_request, reply) => {
    const health = healthOf(cluster)
    return reply.code(health.healthy ? 200 : 503).send(health)
  })
  app.get('/api/v1/status', (request) => {
    access.requireAdministrator(request)
    return statusOf(context)
  })
  app.all('/*', () => {
    const at = cluster.vip === undefined ? 'the node that leads' : cluster.vip
    throw new HttpRefusal(503, `this node is on standby: ask ${at}`)
  })
}

function statusOf({ cluster, store, ...context }: StandbyContext): shapes.Status {
  const tenants = store.read(allTenants)
  return {
    name: context.name,
    version: context.version,
    node: process.versions.node,
    roles: [...context.roles],
    startedAt: new Date(context.startedAt).toISOString(),
    health: healthOf(cluster),
    endpoints: [],
    domains: tenants.slice(0, 100).map(({ primaryDomain }) => primaryDomain),
    extensions: store.read(countExtensions),
    registrations: 0,
    calls: 0,
    residentBytes: process.memoryUsage.rss(),
    ...clusterPart(cluster),
  }
}

/** A standby is well when it follows somebody. */
function healthOf({ standing }: Cluster): shapes.Health {
  const isWell = standing?.leader !== undefined
  const check = isWell
    ? { name: 'cluster', ok: true }
    : { name: 'cluster', ok: false, detail: 'no node leads, as far as is known here' }
  return { healthy: isWell, checks: [check] }
}
