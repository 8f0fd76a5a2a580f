//! Ways to a watcher's device, best first. Pure. A subscription is bound to the device, not to the
//! connection it was made by: when that is gone, the device is found by its binding (RFC 5626).

import type { Destination } from '../../../src/sip/stack.ts'
import { parseUri, sameUri } from '../../../src/sip/message/uri.ts'
import type { Binding } from '../location.ts'
import type { Notification } from './server-events.ts'

/** `bindings` are those of the watcher. */
export function waysTo(
  { request, nextHop, hop }: Notification,
  bindings: readonly Binding[],
): readonly Destination[] {
  const next = parseUri(nextHop)
  const byUri: Destination[] = next === undefined ? [] : [{ uri: next }]
  if (request.headers.has('route')) return byUri
  const ways: Destination[] = hop === undefined ? [] : [hop]
  const target = parseUri(request.uri)
  for (const binding of bindings) {
    const { uri } = binding
    if (target === undefined || !(binding.contact === request.uri || sameUri(uri, target))) continue
    if (binding.path.length > 0) continue
    const way = binding.flow ?? binding.target
    if (way !== hop) ways.push(way)
  }
  return [...ways, ...byUri]
}
