//! Ways to a watcher's device, best first. Pure. A subscription is bound to the device, not to the
//! connection it was made by: when that is gone, the device is found by its binding (RFC 5626). A
//! Contact that is a GRUU of ours names a device, and becomes what that device registered
//! (RFC 5627 §5.3). What it wrote of the way is believed as `../call/hop.ts` says.

import { request as sipRequest, type SipRequest } from '../../../src/sip/message/message.ts'
import { parseUri, sameUri } from '../../../src/sip/message/uri.ts'
import type { Destination } from '../../../src/sip/stack.ts'
import { placeAt } from '../call/hop.ts'
import type { Binding, Location } from '../location.ts'
import type { Notification } from './server-events.ts'

export type Way = { readonly request: SipRequest; readonly to: Destination }

export function waysTo(
  { request, nextHop, hop, watcher }: Notification,
  location: Pick<Location, 'bindings' | 'byGruu'>,
): readonly Way[] {
  const next = parseUri(nextHop)
  const place = next && placeAt(hop.address, next)
  const byUri: Way[] = place === undefined ? [] : [{ request, to: place }]
  const back: Way[] = hop.to === undefined ? [] : [{ request, to: hop.to }]
  const target = parseUri(request.uri)
  if (request.headers.has('route') || target === undefined)
    return next?.host === hop.address ? byUri : [...back, ...byUri]
  if (target.params.has('gr')) {
    const devices = location.byGruu(target).filter(({ aor }) => aor === watcher)
    if (devices.length > 0) return [...devices.map((each) => wayTo(each, request)), ...back]
  }
  const ways = [...back]
  for (const binding of location.bindings(watcher)) {
    if (binding.contact !== request.uri && !sameUri(binding.uri, target)) continue
    const way = wayTo(binding, request)
    if (way.to !== hop.to) ways.push(way)
  }
  return [...ways, ...byUri]
}

function wayTo({ contact, path, flow, target }: Binding, request: SipRequest): Way {
  const headers = request.headers.copy()
  for (const route of path) headers.add('route', route)
  return { request: sipRequest(request.method, contact, headers, request.body), to: flow ?? target }
}
