//! INVITEs within the call that a successor answers, should this process die now: those that wait
//! for the other side, those whose 2xx waits for its ACK, and those refused so lately that the
//! refusal may be lost with this process. Whoever sent one has had a 100: it would wait for ever.

import { after, type Millis } from '../../../src/base/time.ts'
import { receivedDialogId } from '../../../src/sip/dialog/dialog.ts'
import { HOPE } from '../../../src/sip/dialog/timers.ts'
import type { Call } from './call.ts'
import type { Serving } from './pending.ts'
import type { Open, Pending } from './state.ts'

/** `until`: so long the refusal is said again by this process. */
export type Refused = { readonly open: Open; readonly until: Millis }

export function openIn({ inherited, state, serving, refused, now }: Call): readonly Open[] {
  const accepted = state.legs.flatMap((leg) => leg.accepted?.open ?? [])
  const first = state.invite?.key
  const waiting = [...serving.values()].filter(
    ({ request, key }) => request.method === 'INVITE' && key !== first,
  )
  const told = [...refused.values()].filter(({ until }) => until > now).map(({ open }) => open)
  return [...inherited, ...accepted, ...waiting.map(openOf), ...told]
}

/** As a successor is to find it. After a delayed offer it could do nothing with the answer. */
export function openOf({ key, request, source, sdp, agreed }: Serving): Open {
  return { key, request, source, agreed: sdp === undefined ? undefined : agreed }
}

/** Its sender tries again, when the one of ours is through (RFC 3261 §14.1). */
export function refuseOpen(call: Call, open: Pending): void {
  call.respond(open, 491)
  rememberRefused(call, open)
}

/** The last one of each dialog: there is no other before it has been answered. */
export function rememberRefused(call: Call, { key, request, source }: Pending): void {
  const id = receivedDialogId(request)
  if (id === undefined || request.method !== 'INVITE') return
  const until = after(call.now, HOPE)
  call.refused.set(id, { open: { key, request, source }, until })
}
