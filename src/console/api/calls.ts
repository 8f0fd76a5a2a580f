//! What is live: registrations and calls; and what was: ladders and call detail records.

import { masked } from '../../observe/ladder-text.ts'
import { wallTime } from '../../base/time.ts'
import type { CallId } from '../../control/ids.ts'
import { HttpRefusal } from '../../http/server.ts'
import type { Cdr } from '../../store/schema/call.ts'
import { type CdrPlace, cdrOf, cdrsOf } from '../../store/schema/cdr.ts'
import type { ConsoleContext } from '../context.ts'
import { tenantNamed } from '../tenants.ts'
import { defined } from './defined.ts'
import * as shapes from './shapes.ts'
import type { Api } from './typed.ts'

export function callRoutes(api: Api, context: ConsoleContext): void {
  const { store, view } = context
  api.get(
    '/registrations',
    { schema: { querystring: shapes.PageQuery, response: { 200: shapes.RegistrationPage } } },
    (request) => {
      const { domain, after = '', limit = 100 } = request.query
      const primary = domain === undefined ? undefined : tenantNamed(store, domain).primaryDomain
      const found = view.registrations({ domain: primary, after, limit })
      const last = found.length === limit ? found.at(-1)?.aor : undefined
      const items = found.map(({ aor, contacts }) => ({ aor, contacts: [...contacts] }))
      return last === undefined ? { items } : { items, next: last }
    },
  )
  api.get('/calls', { schema: { response: { 200: shapes.CallList } } }, () => ({
    items: view.calls().map(({ startedAt, answeredAt, ...call }) =>
      defined({
        ...call,
        startedAt: iso(startedAt),
        answeredAt: answeredAt === undefined ? undefined : iso(answeredAt),
      }),
    ),
  }))
  api.delete('/calls/:call', { schema: { params: shapes.CallPath } }, (request, reply) => {
    const { call } = request.params
    if (!view.hangup(call))
      throw new HttpRefusal(404, `no call ${call} is up: it ended, or never was`)
    return reply.code(204).send()
  })
  api.get(
    '/calls/:call/trace',
    { schema: { params: shapes.CallPath, response: { 200: shapes.Trace } } },
    (request) => {
      const { call } = request.params
      const sipCallIds = [...sipCallIdsOf(context, call)]
      const messages = view.messagesOf(sipCallIds)
      if (messages.length === 0)
        throw new HttpRefusal(404, `there is no call ${call}, or its messages are no longer held`)
      return {
        call,
        sipCallIds,
        messages: messages.map(({ at, text, direction, peer }) => {
          return { at: iso(at), direction, peer, text: masked(text) }
        }),
      }
    },
  )
  api.get(
    '/cdrs',
    { schema: { querystring: shapes.CdrQuery, response: { 200: shapes.CdrPage } } },
    (request) => {
      const { domain, before, limit = 100 } = request.query
      const { tenant } = tenantNamed(store, domain)
      const place = before === undefined ? undefined : placeOf(before)
      const cdrs = store.read((db) => cdrsOf(db, tenant, place, limit))
      const last = cdrs.length === limit ? cdrs.at(-1) : undefined
      const items = cdrs.map(cdrView)
      return last === undefined ? { items } : { items, next: `${iso(last.startedAt)},${last.call}` }
    },
  )
}

/** Of every leg still held, of a record, or the word itself: it may be a SIP Call-ID. */
function sipCallIdsOf({ store, view }: ConsoleContext, call: string): ReadonlySet<string> {
  const cdr = store.read((db) => cdrOf(db, call as CallId))
  const recorded = [cdr?.callerSipCallId, cdr?.calleeSipCallId].filter((id) => id !== undefined)
  const known = new Set([...view.sipCallIdsOf(call), ...recorded])
  return known.size > 0 ? known : new Set([call])
}

/** A moment (RFC 3339), or with a call behind it the `next` of a page. */
function placeOf(before: string): CdrPlace {
  const [, moment = '', call] = PLACE.exec(before) ?? []
  const startedAt = Date.parse(moment)
  if (!Number.isNaN(startedAt))
    return { startedAt: wallTime(startedAt), call: call as CallId | undefined }
  const mend = 'must be a time such as 2026-11-21T14:00:00Z, or the `next` of a page'
  throw new HttpRefusal(400, `before "${before}" ${mend}`)
}

const PLACE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))(?:,(.+))?$/i

function cdrView(cdr: Cdr): shapes.CdrView {
  const { tenant: _, startedAt, rangAt, answeredAt, endedAt, media, ...rest } = cdr
  return defined({
    ...rest,
    startedAt: iso(startedAt),
    rangAt: rangAt === undefined ? undefined : iso(rangAt),
    answeredAt: answeredAt === undefined ? undefined : iso(answeredAt),
    endedAt: iso(endedAt),
    media: media.map((each) => defined(each)),
  })
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
