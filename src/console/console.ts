//! The console's routes: health and metrics for machines that watch, the API for programs, pages
//! for people.

import type { FastifyInstance } from 'fastify'
import { isLoopback } from '../base/address.ts'
import { backupRoutes } from './api/backup.ts'
import { callRoutes } from './api/calls.ts'
import { clusterRoutes } from './api/cluster.ts'
import { drainRoutes } from './api/drain.ts'
import { extensionRoutes, importRoute } from './api/extensions.ts'
import { describeApi } from './api/openapi.ts'
import { logRoute } from './api/logs.ts'
import { HealthShape } from './api/shapes.ts'
import { serverRoutes } from './api/servers.ts'
import { healthOf, statusRoute } from './api/status.ts'
import type { Api, Typebox } from './api/typed.ts'
import { claimPages } from './claim.ts'
import type { ConsoleContext } from './context.ts'
import { webPages } from './web.ts'

export function consoleRoutes(app: FastifyInstance, context: ConsoleContext): void {
  const { access, metrics } = context
  describeApi(app, context)
  void app.register((routes, _options, done) => {
    const schema = { response: { 200: HealthShape, 503: HealthShape } }
    routes.get('/healthz', { schema }, async (_request, reply) => {
      const health = await healthOf(context)
      return reply.code(health.healthy ? 200 : 503).send(health)
    })
    routes.get('/metrics', async (request, reply) => {
      // Scrapers on this machine need no token; what is measured is nobody else's business.
      if (!isLoopback(request.ip)) access.requireAdministrator(request)
      return reply.type(metrics.contentType).send(await metrics.text())
    })
    done()
  })
  void app.register((pages, _options, done) => {
    webPages(pages, context)
    claimPages(pages, context)
    done()
  })
  void app.register((routes, _options, done) => apiRoutes(routes, context, done), {
    prefix: '/api/v1',
  })
}

function apiRoutes(app: FastifyInstance, context: ConsoleContext, done: () => void): void {
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  void app.register((inner, _options, innerDone) => {
    const api: Api = inner.withTypeProvider<Typebox>()
    api.addHook('onRequest', async (request) => {
      context.access.requireAdministrator(request)
    })
    statusRoute(api, context)
    extensionRoutes(api, context)
    importRoute(api, context)
    callRoutes(api, context)
    backupRoutes(api, context)
    logRoute(api, context)
    clusterRoutes(api, context)
    serverRoutes(api, context)
    drainRoutes(api, context.drain)
    innerDone()
  })
  done()
}
