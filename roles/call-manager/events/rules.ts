//! What a SUBSCRIBE or PUBLISH must be like before anybody acts on it: RFC 6665 §4.2.1, RFC 3903
//! §6. Pure: request in, verdict out.

import type { SipRequest } from '../../../src/sip/message/message.ts'
import { flat, textOf } from '../../../src/sip/message/text.ts'
import {
  accept,
  contentType,
  event,
  expires,
  required,
  sipIfMatch,
} from '../../../src/sip/message/views.ts'
import type { EventPackage } from './packages/package.ts'

/** Answer with this status; `headers` say what would have done. */
export type Refusal = {
  readonly kind: 'refuse'
  readonly status: number
  readonly reason?: string
  readonly headers: readonly (readonly [name: string, value: string])[]
}

/** In seconds; what is asked for beyond `max` is shortened to it. */
export type ExpiresBounds = { readonly min: number; readonly max: number }

export type SubscribeReading =
  | {
      readonly kind: 'subscribe'
      readonly package: EventPackage
      /** The Event value that its NOTIFYs repeat: `dialog;id=7`. */
      readonly event: string
      /** Seconds granted; 0 ends, or fetches. */
      readonly expires: number
    }
  | Refusal

export function readSubscribe(
  request: SipRequest,
  packages: readonly EventPackage[],
  bounds: ExpiresBounds,
): SubscribeReading {
  const missing = unsupported(request)
  if (missing !== undefined) return missing
  const named = event(request)
  const found = packages.find((each) => each.name === named?.name)
  if (named === undefined || found === undefined) return badEvent(packages)
  if (!accepts(request, found.contentType))
    return refuse(406, [['accept', found.contentType]], 'No Acceptable Event Document')
  const granted = grant(request, bounds)
  if (typeof granted !== 'number') return granted
  const id = named.id === undefined ? '' : `;id=${named.id}`
  return { kind: 'subscribe', package: found, event: flat(`${found.name}${id}`), expires: granted }
}

export type PublishReading =
  | {
      readonly kind: 'publish'
      readonly package: EventPackage
      readonly expires: number
      /** Entity-tag of what it refreshes, modifies or removes. */
      readonly ifMatch: string | undefined
      /** Undefined for a refresh and a removal. */
      readonly body: string | undefined
    }
  | Refusal

export function readPublish(
  request: SipRequest,
  packages: readonly EventPackage[],
  bounds: ExpiresBounds,
): PublishReading {
  const missing = unsupported(request)
  if (missing !== undefined) return missing
  const name = event(request)?.name
  const found = packages.find((each) => each.name === name && each.accepts !== undefined)
  if (found?.accepts === undefined) return badEvent(packages.filter((each) => each.accepts))
  const hasIfMatch = request.headers.has('sip-if-match')
  const ifMatch = sipIfMatch(request)
  if (hasIfMatch && ifMatch === undefined) return refuse(400, [], 'Malformed SIP-If-Match')
  const granted = grant(request, bounds)
  if (typeof granted !== 'number') return granted
  if (request.body.length === 0) {
    if (!hasIfMatch) return refuse(400, [], 'Nothing To Publish')
    return { kind: 'publish', package: found, expires: granted, ifMatch, body: undefined }
  }
  if (request.body.length > found.bodyMax) return refuse(413, [])
  const type = contentType(request)
  if (`${type?.type}/${type?.subtype}` !== found.contentType)
    return refuse(415, [['accept', found.contentType]])
  const body = textOf(request.body)
  if (!found.accepts(body)) return refuse(400, [], 'Unreadable Event Document')
  return { kind: 'publish', package: found, expires: granted, ifMatch, body }
}

export function refuse(status: number, headers: Refusal['headers'] = [], reason?: string): Refusal {
  return { kind: 'refuse', status, headers, ...(reason === undefined ? {} : { reason }) }
}

/** RFC 3261 §8.2.2.3; we claim no extension here, eventlist (RFC 4662) least of all. */
function unsupported(request: SipRequest): Refusal | undefined {
  const tags = required(request)
  return tags.length === 0 ? undefined : refuse(420, [['unsupported', tags.join(', ')]])
}

function badEvent(packages: readonly EventPackage[]): Refusal {
  return refuse(489, [['allow-events', packages.map((each) => each.name).join(', ')]])
}

/** RFC 6665 §4.2.1.1: without a wish the longest; under an hour may be too brief. */
function grant(request: SipRequest, { min, max }: ExpiresBounds): number | Refusal {
  const asked = request.headers.has('expires') ? expires(request) : max
  if (asked === undefined) return refuse(400, [], 'Malformed Expires')
  if (asked > 0 && asked < min) return refuse(423, [['min-expires', String(min)]])
  return Math.min(asked, max)
}

/** Without an Accept, or with one that cannot be read, the package's own type is meant. */
function accepts(request: SipRequest, wanted: string): boolean {
  const list = accept(request)
  if (list === undefined) return true
  const [type = '', subtype = ''] = wanted.split('/')
  return list.some(
    (each) =>
      each.params.get('q') !== '0' &&
      (each.type === '*' || each.type === type) &&
      (each.subtype === '*' || each.subtype === subtype),
  )
}
