//! What a server of one role answers by HTTP on its own host: how it is, and nothing else. What is
//! to be done with it is asked of the call managers.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sameSecret } from '../http/secrets.ts'
import { HttpRefusal } from '../http/server.ts'
import type * as shapes from './api/shapes.ts'

export type ServerContext = {
  /** `DATA/api.token`. */
  readonly token: string
  readonly health: () => shapes.Health
  readonly status: () => Omit<shapes.ServerStatus, 'health' | 'node' | 'residentBytes'>
}

export function serverStatusRoutes(app: FastifyInstance, context: ServerContext): void {
  const { token, health, status } = context
  app.get('/healthz', (_request, reply) => {
    const found = health()
    return reply.code(found.healthy ? 200 : 503).send(found)
  })
  app.get('/api/v1/status', (request): shapes.ServerStatus => {
    requireToken(request, token)
    const node = process.versions.node
    return { ...status(), health: health(), node, residentBytes: process.memoryUsage.rss() }
  })
  app.all('/*', (request) => {
    requireToken(request, token)
    throw new HttpRefusal(404, 'a server of one role has a status only: ask a call manager')
  })
}

/** Of the command line on this host: a server knows no people. */
function requireToken({ headers }: FastifyRequest, token: string): void {
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
  if (given === undefined || !sameSecret(given, token))
    throw new HttpRefusal(401, 'send the token in DATA/api.token as Authorization: Bearer')
}
