//! Extensions: list, add, remove, set a password, import many.

import type { FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import { HttpRefusal } from '../../http/server.ts'
import { importExtensions } from '../../store/import.ts'
import { displayNameProblem, userProblem } from '../../store/names.ts'
import { extensionByUser, type ExtensionRow, extensionsOf } from '../../store/schema/extension.ts'
import type { TenantRow } from '../../store/schema/tenant.ts'
import type { ConsoleContext } from '../context.ts'
import { newPassword } from '../passwords.ts'
import { commit, refusalOf } from '../committed.ts'
import { tenantNamed } from '../tenants.ts'
import { linesOf, type Tell } from './ndjson.ts'
import * as shapes from './shapes.ts'
import type { Api } from './typed.ts'

export function extensionRoutes(api: Api, context: ConsoleContext): void {
  const { store } = context
  api.get(
    '/extensions',
    { schema: { querystring: shapes.PageQuery, response: { 200: shapes.ExtensionPage } } },
    (request) => {
      const { domain, after = '', limit = 100 } = request.query
      const tenant = tenantNamed(store, domain)
      const rows = store.read((db) => extensionsOf(db, tenant.tenant, after, limit))
      const last = rows.length === limit ? rows.at(-1)?.user : undefined
      const items = rows.map((row) => viewOf(row, tenant))
      return last === undefined ? { items } : { items, next: last }
    },
  )
  api.post(
    '/extensions',
    { schema: { body: shapes.NewExtension, response: { 201: shapes.ExtensionSecret } } },
    async (request, reply) => {
      const { domain, extension: user, displayName = '', password = newPassword() } = request.body
      const tenant = tenantNamed(store, domain)
      const problem = userProblem(user) ?? displayNameProblem(displayName)
      if (problem !== undefined) throw new HttpRefusal(400, problem)
      await commit(store, {
        kind: 'extension.put',
        tenant: tenant.tenant,
        user,
        displayName: displayName === '' ? user : displayName,
        enabled: true,
        secret: secretOf(tenant, password),
        // Of two who ask at the same time one is told that there is one.
        isNew: true,
        at: context.host.wall(),
      })
      return reply.code(201).send({ extension: user, domain: tenant.primaryDomain, password })
    },
  )
  api.delete(
    '/extensions/:domain/:extension',
    { schema: { params: shapes.ExtensionPath } },
    async (request, reply) => {
      const { tenant } = existing(context, request.params)
      const user = request.params.extension
      await commit(store, { kind: 'extension.remove', tenant: tenant.tenant, user })
      return reply.code(204).send()
    },
  )
  api.put(
    '/extensions/:domain/:extension/password',
    {
      schema: {
        params: shapes.ExtensionPath,
        body: shapes.NewPassword,
        response: { 200: shapes.ExtensionSecret },
      },
    },
    async (request) => {
      const { tenant, row } = existing(context, request.params)
      const { password = newPassword() } = request.body
      const secret = secretOf(tenant, password)
      const at = context.host.wall()
      const changed = { tenant: tenant.tenant, user: row.user, secret, at }
      await commit(store, { kind: 'extension.passwd', ...changed })
      return { extension: row.user, domain: tenant.primaryDomain, password }
    },
  )
}

/** The body is CSV and is read as it comes; the answer is a line of JSON for each event. */
export function importRoute(api: Api, context: ConsoleContext): void {
  api.addContentTypeParser('text/csv', (_request, payload, done) => done(null, payload))
  api.post(
    '/import',
    {
      bodyLimit: Number.MAX_SAFE_INTEGER,
      config: { slowBody: true },
      schema: { summary: 'domain,extension,password,display_name by the line' },
    },
    (request, reply) => {
      const source = request.body
      if (!(source instanceof Readable))
        throw new HttpRefusal(415, 'send the file as content-type text/csv')
      void reply.type('application/x-ndjson')
      return reply.send(Readable.from(importLines(context, source, request)))
    },
  )
}

/** How often an import tells how far it is. */
const PROGRESS_MS = 250

function importLines(
  { host, store }: ConsoleContext,
  source: Readable,
  request: FastifyRequest,
): AsyncGenerator<string> {
  let nextProgress = host.now()
  return linesOf((tell: Tell<shapes.ImportLine>, room) =>
    importExtensions(store, source, {
      wall: host.wall,
      onBadLine({ line, reason }) {
        tell({ kind: 'bad', line, reason })
        return room()
      },
      onProgress: (progress) => {
        if (host.now() < nextProgress) return
        nextProgress = (host.now() + PROGRESS_MS) as typeof nextProgress
        tell({ kind: 'progress', ...progress })
      },
    }).then(
      (result) => tell(result.ok ? { kind: 'done', ...result.value } : failedLine(result.error)),
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error)
        host.log('warn', 'import.broken', { source: request.ip, reason })
        tell({ kind: 'failed', reason })
      },
    ),
  )
}

function failedLine(failure: Parameters<typeof refusalOf>[0]): shapes.ImportLine {
  return { kind: 'failed', reason: refusalOf(failure).message }
}

type Found = { readonly tenant: TenantRow; readonly row: ExtensionRow }

function existing(
  { store }: ConsoleContext,
  path: { readonly domain: string; readonly extension: string },
): Found {
  const tenant = tenantNamed(store, path.domain)
  const row = store.read((db) => extensionByUser(db, tenant.tenant, path.extension))
  if (row !== undefined) return { tenant, row }
  throw new HttpRefusal(404, `there is no extension ${path.extension}@${tenant.primaryDomain}`)
}

function secretOf(
  { primaryDomain: realm }: TenantRow,
  password: string,
): { readonly kind: 'password'; readonly realm: string; readonly password: string } {
  return { kind: 'password', realm, password }
}

function viewOf(row: ExtensionRow, tenant: TenantRow): shapes.ExtensionView {
  return {
    extension: row.user,
    domain: tenant.primaryDomain,
    displayName: row.displayName,
    enabled: row.enabled,
    updatedAt: new Date(row.updatedAt).toISOString(),
  }
}
