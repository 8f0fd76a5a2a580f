//! The INVITE we send to a device on somebody's behalf.

import { Headers } from '../../../src/sip/message/headers.ts'
import { request as sipRequest, type SipRequest } from '../../../src/sip/message/message.ts'
import { binary } from '../../../src/sip/message/text.ts'
import { maxForwards } from '../../../src/sip/message/views.ts'
import { sessionTimerOffer } from '../../../src/sip/dialog/session-timer.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import { ALLOW, timerPolicy } from './admission.ts'
import type { Call } from './call.ts'
import { addDiversions } from './diversion.ts'
import { isLive } from './fork.ts'
import { addIdentity } from './identity.ts'
import { SDP_TYPE } from './sdp.ts'
import type { Attempt, Branch, Leg } from './state.ts'

/** What of the caller's INVITE the callee gets to see as it is. */
const PASSED: readonly string[] = [
  'subject',
  'priority',
  'call-info',
  'alert-info',
  'user-to-user',
  'accept-language',
  'organization',
  'in-reply-to',
  'date',
]

/** `onBehalfOf` is who the callee will see calling. */
export function buildInvite(
  call: Call,
  attempt: Attempt,
  branch: Branch,
  onBehalfOf: Leg,
  sdp: Sdp | undefined,
): SipRequest {
  const incoming = attempt.purpose === 'call' ? call.state.invite?.request : undefined
  const hops = incoming === undefined ? 70 : Math.min((maxForwards(incoming) ?? 70) - 1, 70)
  const { hidden } = onBehalfOf
  const headers = new Headers()
  headers.add('max-forwards', String(hops))
  const breadth = Number(incoming?.headers.get('max-breadth'))
  // RFC 5393 §5: what the caller allows is shared out among those that ring together.
  if (breadth > 0) headers.add('max-breadth', String(shareOf(breadth, attempt)))
  for (const route of branch.target.route) headers.add('route', route)
  addIdentity(headers, onBehalfOf.party, branch.localTag, hidden, incoming)
  headers.add('to', attempt.to)
  headers.add('call-id', branch.sipCallId)
  headers.add('cseq', `${branch.cseq} INVITE`)
  headers.add('contact', branch.contact)
  headers.add('allow', ALLOW)
  // An offer in a reliable 18x could not be passed to a caller without 100rel, or to who talks.
  const canPrack = incoming !== undefined && call.state.invite?.reliable !== 'no'
  const reliable = sdp !== undefined || canPrack
  headers.add('supported', reliable ? WITH_100REL : WITHOUT_100REL)
  const policy = timerPolicy(call.config)
  const minSe = branch.minSe ?? policy.minSe
  const interval = Math.max(policy.interval, minSe)
  for (const [name, value] of sessionTimerOffer({ ...policy, minSe, interval }, undefined))
    headers.add(name, value)
  addDiversions(headers, attempt, hidden)
  const { transfer } = call.state
  if (attempt.purpose === 'transfer' && transfer !== undefined)
    headers.add('referred-by', transfer.referredBy)
  if (incoming !== undefined) for (const name of PASSED) headers.copyAll(incoming.headers, name)
  // Should nobody live to cancel it, the phone stops by itself (RFC 3261 §13.3.1).
  const rings = Math.max(0, attempt.endAt - call.now) + STOPS_LATER
  headers.add('expires', String(Math.ceil(rings / 1_000)))
  headers.add('user-agent', call.config.product)
  if (sdp !== undefined) headers.add('content-type', SDP_TYPE)
  return sipRequest('INVITE', branch.target.uri, headers, sdp && binary(sdp))
}

/** Our own CANCEL comes first. */
const STOPS_LATER = 5_000

function shareOf(breadth: number, { branches }: Attempt): number {
  return Math.max(1, Math.floor(breadth / branches.filter(isLive).length))
}

const WITH_100REL = 'replaces, timer, 100rel, histinfo'
const WITHOUT_100REL = 'replaces, timer, histinfo'
