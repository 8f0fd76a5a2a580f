//! 3xx: we follow it ourselves, within the tenant and never in circles; the caller keeps ringing.

import { contacts } from '../../../src/sip/message/views.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import { uriOf } from '../events/aor.ts'
import { branchOver } from './branch.ts'
import type { Call } from './call.ts'
import { showProgress, someFace } from './face.ts'
import { onBehalfOf, ringNextGroup, withContacts } from './fork.ts'
import { contactName } from './identity.ts'
import type { Planned } from './io.ts'
import { refusalOf } from './refusal.ts'
import type { Attempt, Branch, LegId } from './state.ts'

export function redirect(
  call: Call,
  attempt: Attempt,
  branch: Branch,
  response: SipResponse,
): void {
  const list = contacts(response)
  const targets = list === undefined || list === '*' ? [] : [...list]
  targets.sort((a, b) => qOf(b.params.get('q')) - qOf(a.params.get('q')))
  const next = targets[0]?.uri
  if (next === undefined || attempt.redirects >= call.config.redirectsMax)
    return branchOver(call, attempt, refusalOf(480, 'redirected to nowhere'))
  attempt.redirects++
  branch.state = 'preparing'
  const as = contactName(onBehalfOf(call, attempt))
  const tag = call.ask({ kind: 'redirect-plan', branch: branch.leg, status: response.status })
  call.outputs.push({ kind: 'plan', tag, uri: next, as })
}

function qOf(text: string | undefined): number {
  return text === undefined ? 1 : Number(text)
}

export function redirectPlanned(
  call: Call,
  id: LegId,
  status: number,
  { plan, contacts: ours }: Planned,
): void {
  const { attempt } = call.state
  const branch = call.branch(id)
  if (attempt === undefined || branch?.state !== 'preparing') return
  branch.state = 'over'
  const by = branch.target.aor
  if (plan.kind !== 'fork' || attempt.visited.includes(plan.callee.aor))
    return branchOver(call, attempt, refusalOf(480, 'redirected to nowhere'))
  const to = plan.callee.aor
  attempt.visited.push(to)
  attempt.diversions.push({ by: uriOf(by), to: uriOf(to), status })
  attempt.waiting.unshift(...withContacts(plan.groups, ours))
  if (attempt.purpose === 'call') {
    const { record } = call.state
    record.callee = to
    record.forwardedBy = by
    const face = someFace(call)
    const forwarded = { status: 181, reason: 'Call Is Being Forwarded', reliable: false }
    if (face !== undefined) showProgress(call, face, { ...forwarded, sdp: undefined })
  }
  ringNextGroup(call, attempt)
}
