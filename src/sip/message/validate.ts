//! What RFC 3261 §8.2 and §16.3 want of a message before anyone acts on it.

import type { HeaderName, SipMessage } from './message.ts'
import { parseUri } from './uri.ts'
import * as views from './views.ts'

export type Invalidity = { readonly status: number; readonly reason: string }

/** Fields that every request needs (§8.1.1) and every response copies (§8.2.6.2), once. */
const MANDATORY: readonly (readonly [HeaderName, string, (message: SipMessage) => unknown])[] = [
  ['via', 'Via', views.topVia],
  ['from', 'From', views.from],
  ['to', 'To', views.to],
  ['call-id', 'Call-ID', views.callId],
  ['cseq', 'CSeq', views.cseq],
]

/** Fields that need not be there, but if they are must be well formed. */
const OPTIONAL: readonly (readonly [HeaderName, string, (message: SipMessage) => unknown])[] = [
  ['max-forwards', 'Max-Forwards', views.maxForwards],
  ['contact', 'Contact', views.contacts],
  ['expires', 'Expires', views.expires],
  ['route', 'Route', views.routes],
  ['record-route', 'Record-Route', views.recordRoutes],
  ['content-type', 'Content-Type', views.contentType],
]

/** Undefined when fine. A response with an invalidity is dropped, a request answered. */
export function invalidity(message: SipMessage): Invalidity | undefined {
  for (const [name, label, read] of MANDATORY) {
    if (!message.headers.has(name)) return bad(`Missing ${label}`)
    if (name !== 'via' && message.headers.all(name).length > 1) return bad(`Multiple ${label}`)
    if (read(message) === undefined) return bad(`Malformed ${label}`)
  }
  for (const [name, label, read] of OPTIONAL)
    if (message.headers.has(name) && read(message) === undefined) return bad(`Malformed ${label}`)
  if (message.kind === 'response') return undefined
  if (views.cseq(message)?.method !== message.method) return bad('CSeq Method Mismatch')
  if (parseUri(message.uri) === undefined) return bad('Malformed Request-URI')
  return undefined
}

function bad(reason: string): Invalidity {
  return { status: 400, reason }
}
