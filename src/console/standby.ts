//! What a node answers that does not serve now: its status, and to everything else where to go.

import { isIPv6 } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Cluster } from '../cluster/cluster.ts'
import { HttpRefusal } from '../http/server.ts'
import type { Access } from './access.ts'
import { defined } from './api/defined.ts'
import { drainRoutes } from './api/drain.ts'
import { nodeStatus, type NodeFacts } from './api/status.ts'
import type * as shapes from './api/shapes.ts'
import type { Api, Typebox } from './api/typed.ts'

export type StandbyContext = NodeFacts & {
  readonly cluster: Cluster
  readonly access: Access
  /** The same on every node. */
  readonly httpsPort: number
  /** The certificate is of the cluster's authority, and so of the hosts' addresses. */
  readonly isIssued: boolean
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
  void app.register(
    (routes, _options, done) => {
      const api: Api = routes.withTypeProvider<Typebox>()
      api.addHook('onRequest', async (request) => access.requireAdministrator(request))
      drainRoutes(api, context.drain)
      done()
    },
    { prefix: '/api/v1' },
  )
  app.all('/*', () => {
    throw new HttpRefusal(503, `this node is on standby: ${whereTo(context)}`)
  })
}

function statusOf(context: StandbyContext): shapes.Status {
  const health = healthOf(context.cluster)
  const { cluster, ...status } = nodeStatus(context)
  // It may have been elected, and not serve yet, or not be able to.
  const known = defined({ cluster: cluster && { ...cluster, isActive: false } })
  return { ...status, ...known, health, endpoints: [], registrations: 0, calls: 0 }
}

function whereTo({ cluster, httpsPort, isIssued }: StandbyContext): string {
  const { standing, self } = cluster
  const leader = cluster.nodes().find(({ id }) => id === standing?.leader)
  if (leader === undefined) return nobodyLeads(cluster)
  if (leader.id === self.id) return unable(cluster) ?? 'it is about to serve: try again'
  const { name, host } = leader
  // The virtual address is soon another's, and that one's token is another.
  const url = `https://${isIPv6(host) ? `[${host}]` : host}:${httpsPort}`
  const api = `--api ${url} --ca DATA/cluster/authority.pem --token TOKEN`
  const remote = `, or with ${api} (TOKEN is in DATA/api.token of that host)`
  return `${name} (${host}) serves: run pbx there${isIssued ? remote : ''}`
}

function nobodyLeads(cluster: Cluster): string {
  return `no node leads: ${cluster.whyNobodyLeads()}`
}

/** Why it could not serve; undefined when it could. */
function unable({ here }: Cluster): string | undefined {
  const { unfit } = here ?? {}
  return unfit?.grade === 'useless' ? `this node could not serve: ${unfit.why}` : undefined
}

/** A standby is well when it follows somebody, is one, and could serve. */
function healthOf(cluster: Cluster): shapes.Health {
  const { standing } = cluster
  const nobody = standing?.leader === undefined ? nobodyLeads(cluster) : undefined
  const detail = standing?.dismissed ?? nobody ?? unable(cluster)
  const check = { name: 'cluster', ok: detail === undefined, ...defined({ detail }) }
  return { healthy: check.ok, checks: [check] }
}
