//! Whether to act on a message at all. `invalidity`: is it well formed, whoever gets it (RFC 3261
//! §8.1.1, §8.1.3, §16.3)? `refusal`: can this element do what a valid request asks (§8.2)?

import type { Headers } from './headers.ts'
import { conventionalName } from './header-name.ts'
import type { HeaderName, Method, SipMessage, SipRequest } from './message.ts'
import { isKnownMethod } from './start-line.ts'
import { MAGIC_COOKIE } from './via.ts'
import * as views from './views.ts'

export type Invalidity = { readonly status: number; readonly reason: string }

/** Undefined when fine. A request is answered with the status, a response or an ACK dropped. */
export function invalidity(message: SipMessage): Invalidity | undefined {
  const present = presence(message.headers)
  if (typeof present === 'string') return bad(`Multiple ${conventionalName(present)} Header Fields`)
  for (const { bit, name, mandatory, read } of CHECKS) {
    if ((present & bit) !== 0) {
      if (read(message) === undefined)
        return bad(`Malformed ${conventionalName(name)} Header Field`)
    } else if (mandatory) return bad(`Missing ${conventionalName(name)} Header Field`)
  }
  return message.kind === 'request' ? requestFault(message) : responseFault(message.headers)
}

type Check = {
  readonly name: HeaderName
  readonly bit: number
  readonly mandatory: boolean
  readonly once: boolean
  readonly read: (message: SipMessage) => unknown
}

/** Expires and Date are not here: malformed, they count as absent (§20.19, RFC 4475 §3.1.2.12). */
const CHECKS: readonly Check[] = [
  { name: 'via', bit: 1, mandatory: true, once: false, read: views.topVia },
  { name: 'from', bit: 2, mandatory: true, once: true, read: views.from },
  { name: 'to', bit: 4, mandatory: true, once: true, read: views.to },
  { name: 'call-id', bit: 8, mandatory: true, once: true, read: views.callId },
  { name: 'cseq', bit: 16, mandatory: true, once: true, read: views.cseq },
  { name: 'max-forwards', bit: 32, mandatory: false, once: true, read: views.maxForwards },
  { name: 'content-type', bit: 64, mandatory: false, once: true, read: views.contentType },
  { name: 'contact', bit: 128, mandatory: false, once: false, read: views.contacts },
  { name: 'route', bit: 256, mandatory: false, once: false, read: views.routes },
  { name: 'record-route', bit: 512, mandatory: false, once: false, read: views.recordRoutes },
]
const BITS = new Map(CHECKS.map(({ name, bit }) => [name, bit]))
const ONCE = CHECKS.reduce((bits, { bit, once }) => (once ? bits | bit : bits), 0)

/** The bits of the fields there are, or the name of one that is there twice and must not be. */
function presence(headers: Headers): number | HeaderName {
  let present = 0
  for (const { name } of headers.fields()) {
    const bit = BITS.get(name) ?? 0
    if ((present & bit & ONCE) !== 0) return name
    present |= bit
  }
  return present
}

function requestFault(request: SipRequest): Invalidity | undefined {
  if (views.cseq(request)?.method !== request.method) {
    // RFC 4475 §3.1.2.18: for a method nobody knows 501 says more than 400.
    if (!isKnownMethod(request.method)) return { status: 501, reason: 'Not Implemented' }
    return bad('CSeq Method Mismatch')
  }
  const uri = views.requestUri(request)
  if (uri === undefined) return bad('Malformed Request-URI')
  // §19.1.1: headers have no place there, and must never become the request's own.
  if (uri.headers !== undefined) return bad('Headers in the Request-URI')
  // RFC 4475 §3.2.1: a promise of uniqueness with nothing behind it.
  if (views.topVia(request)?.branch === MAGIC_COOKIE) return bad('Empty Branch Identifier')
  return undefined
}

/** §8.1.3.3: with another Via below ours it was never meant for us. */
function responseFault(headers: Headers): Invalidity | undefined {
  return headers.isSingle('via') ? undefined : bad('More Than One Via')
}

function bad(reason: string): Invalidity {
  return { status: 400, reason }
}

/** What an element can do. */
export type Capabilities = {
  /** Of the Request-URI, lower-case. */
  readonly schemes: readonly string[]
  readonly methods: readonly Method[]
  /** Option tags, lower-case. */
  readonly extensions: readonly string[]
  /** Media types taken as body (`type/*` too), by method; a method not named takes any. */
  readonly bodies: Readonly<Record<Method, readonly string[]>>
  /** The media type of a 2xx's body, by method. */
  readonly answers: Readonly<Record<Method, string>>
}

/** A final response in the making: `reply(request, status, { reason, headers })`. */
export type Refusal = {
  readonly status: number
  readonly reason?: string
  readonly headers: readonly (readonly [string, string])[]
}

/** Why this element cannot serve a valid request, in the order of §8.2; undefined when it can. */
export function refusal(request: SipRequest, able: Capabilities): Refusal | undefined {
  // §8.2: an ACK is never answered, and §8.2.2.3: a CANCEL requires nothing.
  if (request.method === 'ACK' || request.method === 'CANCEL') return undefined
  return (
    methodRefusal(request, able) ??
    addressRefusal(request, able) ??
    extensionRefusal(request, able) ??
    bodyRefusal(request, able)
  )
}

function methodRefusal(request: SipRequest, able: Capabilities): Refusal | undefined {
  if (able.methods.includes(request.method)) return undefined
  const headers = [['allow', able.methods.join(', ')]] as const
  return { status: isKnownMethod(request.method) ? 405 : 501, headers }
}

function addressRefusal(request: SipRequest, able: Capabilities): Refusal | undefined {
  const scheme = views.requestUri(request)?.scheme
  if (scheme === undefined || !able.schemes.includes(scheme)) return { status: 416, headers: [] }
  const aor = views.to(request)?.uri.scheme
  // RFC 4475 §3.3.4: an address-of-record is a SIP or SIPS URI.
  if (request.method === 'REGISTER' && aor !== 'sip' && aor !== 'sips')
    return { status: 400, reason: 'Address-of-Record Is No SIP URI', headers: [] }
  return undefined
}

function extensionRefusal(request: SipRequest, able: Capabilities): Refusal | undefined {
  const { headers } = request
  if (!headers.has('require') && !headers.has('proxy-require')) return undefined
  const wanted = [...headers.list('require'), ...headers.list('proxy-require')]
  const unsupported = wanted.filter((tag) => !able.extensions.includes(tag.toLowerCase()))
  if (unsupported.length === 0) return undefined
  return { status: 420, headers: [['unsupported', unsupported.join(', ')]] }
}

function bodyRefusal(request: SipRequest, able: Capabilities): Refusal | undefined {
  const taken = able.bodies[request.method]
  const type = views.contentType(request)
  if (taken !== undefined && request.body.length > 0 && isHandlingRequired(request)) {
    if (type === undefined || !taken.some((range) => admits(range, `${type.type}/${type.subtype}`)))
      return { status: 415, headers: [['accept', taken.join(', ')]] }
    const encoding = request.headers.get('content-encoding')
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
      return { status: 415, headers: [['accept-encoding', 'identity']] }
  }
  const answer = able.answers[request.method]
  const accepted = views.accept(request)
  if (answer === undefined || accepted === undefined) return undefined
  if (accepted.some(({ type, subtype }) => admits(`${type}/${subtype}`, answer))) return undefined
  return { status: 406, headers: [] }
}

/** §20.11: a body whose handling is optional may be ignored instead. */
function isHandlingRequired(request: SipRequest): boolean {
  return views.contentDisposition(request)?.params.get('handling')?.toLowerCase() !== 'optional'
}

/** A media range: any, any of a type, or one type. */
function admits(range: string, type: string): boolean {
  if (range === '*/*' || range === type) return true
  return range.endsWith('/*') && type.startsWith(range.slice(0, -1))
}
