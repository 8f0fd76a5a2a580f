//! HTML forms: their bodies, and whether a page of ours sent them.

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HttpRefusal } from './server.ts'

export function acceptForms(app: FastifyInstance): void {
  const type = 'application/x-www-form-urlencoded'
  app.addContentTypeParser(type, { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(body.toString())))
  })
}

/** The value of a form's field, empty when it has none. */
export function field(request: FastifyRequest, name: string): string {
  const { body } = request
  if (typeof body !== 'object' || body === null) return ''
  const value: unknown = new Map<string, unknown>(Object.entries(body)).get(name)
  return typeof value === 'string' ? value : ''
}

/**
 * Refuses what a page of another site makes the browser send: browsers name the page's origin on
 * every POST, and say `same-origin` where they know Fetch Metadata.
 */
export function requireSameOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers
  const site = request.headers['sec-fetch-site']
  const known = site === undefined || site === 'same-origin' || site === 'none'
  const own = origin === undefined || origin === `${request.protocol}://${host ?? ''}`
  if (known && own) return
  throw new HttpRefusal(403, 'this was sent by a page of another site')
}

export function cookie(request: FastifyRequest, name: string): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key = '', ...value] = part.trim().split('=')
    if (key === name) return value.join('=')
  }
  return undefined
}
