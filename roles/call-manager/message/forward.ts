//! The MESSAGE as a device gets it: the sender as we know it, everything else as it was sent. Pure.

import type { Headers } from '../../../src/sip/message/headers.ts'
import { request, type SipRequest, type SipResponse } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { fromTag, maxForwards, toTag } from '../../../src/sip/message/views.ts'
import { addIdentity, passesPrivately } from '../call/identity.ts'
import type { Extension } from '../directory.ts'
import type { ForkTarget } from '../routing/plan.ts'

/** Between the sender and us only; or ours to write. */
const OURS: readonly string[] = [
  'via',
  'route',
  'record-route',
  'contact',
  'max-forwards',
  'from',
  'privacy',
  'p-asserted-identity',
  'p-preferred-identity',
  'authorization',
  'proxy-authorization',
  'proxy-require',
  'content-length',
]

export function forwarded(received: SipRequest, sender: Extension, target: ForkTarget): SipRequest {
  const headers = received.headers.copy()
  for (const name of OURS) headers.remove(name)
  headers.add('max-forwards', String((maxForwards(received) ?? 70) - 1))
  for (const route of target.route) headers.add('route', route)
  const party = { aor: sender.aor, name: sender.displayName, uri: sender.aor }
  addIdentity(headers, party, fromTag(received) ?? '', passesPrivately(received), received)
  return request(received.method, target.uri, headers, received.body)
}

/** What a device's answer may tell the sender beyond its status. */
const PASSED_BACK: readonly string[] = [
  'accept',
  'accept-encoding',
  'accept-language',
  'allow',
  'date',
  'error-info',
  'reason',
  'retry-after',
  'unsupported',
  'warning',
]

/** A device's answer as the sender gets it; `tag` where the device left it out. */
export function passedBack(received: SipRequest, response: SipResponse, tag: string): SipResponse {
  const headers = PASSED_BACK.flatMap((name) => valuesOf(response.headers, name))
  const { status, reason } = response
  return reply(received, status, { reason, headers, toTag: toTag(response) ?? tag })
}

function valuesOf(headers: Headers, name: string): (readonly [string, string])[] {
  return headers.all(name).map((value) => [name, value] as const)
}
