//! Ringing devices: groups of equal q one after the other, all of a group together (RFC 3261 §16.6,
//! §16.7). An attempt rings for the caller, or for somebody who is being transferred.

import { after, millis, type Millis } from '../../../src/base/time.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import { joined } from '../../../src/sip/message/text.ts'
import type { ForkTarget, Plan } from '../routing/plan.ts'
import { attemptFailed } from './attempt-end.ts'
import type { Call } from './call.ts'
import type { MediaOp } from './io.ts'
import { hopTo } from './hop.ts'
import { buildInvite } from './outgoing.ts'
import { printOf } from './sdp.ts'
import { CALLER, type Attempt, type Branch, type Leg, type LegId } from './state.ts'

export type AttemptStart = {
  readonly purpose: Attempt['purpose']
  readonly to: string
  readonly plan: Plan & { readonly kind: 'fork' }
  readonly contacts: readonly string[]
  readonly endAt: Millis
}

export function startAttempt(call: Call, start: AttemptStart): void {
  const { purpose, to, plan, contacts, endAt } = start
  call.state.attempt = {
    purpose,
    to,
    waiting: withContacts(plan.groups, contacts),
    branches: unfinished(call.state.attempt),
    refusal: undefined,
    endAt,
    groupEndAt: endAt,
    redirects: 0,
    visited: [plan.callee.aor],
    answeredBy: undefined,
    lingerUntil: undefined,
    diversions: [],
  }
  ringNextGroup(call, call.state.attempt)
}

/**
 * Devices of the attempt before that may still answer: told to stop and silent since, or behind a
 * proxy that forks. Their 2xx gets its ACK and BYE as before.
 */
function unfinished(before: Attempt | undefined): Branch[] {
  const mayAnswer = ({ state, target }: Branch): boolean =>
    state === 'cancelling' || (state === 'answered' && target.route.length > 0)
  return before?.branches.filter(mayAnswer) ?? []
}

/** The plan's targets, each with our Contact value towards it. */
export function withContacts(
  groups: readonly (readonly ForkTarget[])[],
  contacts: readonly string[],
): Attempt['waiting'] {
  let index = 0
  return groups.map((group) =>
    group.map((target) => ({ target, contact: contacts[index++] ?? '' })),
  )
}

/** Rings the next group, or ends the attempt when nobody is left and nobody rings. */
export function ringNextGroup(call: Call, attempt: Attempt): void {
  const group = attempt.waiting.shift()
  if (group === undefined) {
    attempt.groupEndAt = attempt.endAt
    if (!attempt.branches.some(isLive)) attemptFailed(call, attempt)
    return
  }
  const more = attempt.waiting.length > 0
  const until = after(call.now, call.config.groupTimeout)
  attempt.groupEndAt = more ? millis(Math.min(until, attempt.endAt)) : attempt.endAt
  for (const { target, contact } of group) launch(call, attempt, target, contact)
}

export function isLive(branch: Branch): boolean {
  return branch.state === 'preparing' || branch.state === 'calling' || branch.state === 'ringing'
}

/** Somebody answered, or nobody will: what is left are phones that do not know it yet. */
export function isDecided({ lingerUntil }: Attempt): boolean {
  return lingerUntil !== undefined
}

/** Who the attempt rings for. */
export function onBehalfOf(call: Call, attempt: Attempt): Leg | undefined {
  return call.leg(attempt.purpose === 'call' ? CALLER : (call.state.transfer?.who ?? CALLER))
}

function launch(call: Call, attempt: Attempt, target: ForkTarget, contact: string): void {
  const id = call.newLegId()
  const branch: Branch = {
    leg: id,
    target,
    media: call.mediaOf(id),
    told: 0,
    state: 'preparing',
    request: undefined,
    tx: undefined,
    contact,
    sipCallId: joined(call.random.token(20), '@', call.config.host),
    localTag: call.newTag(id),
    cseq: 1,
    early: [],
    minSe: undefined,
  }
  attempt.branches.push(branch)
  prepare(call, attempt, branch)
}

/** Gets the offer for the branch; without one (delayed offer) its INVITE goes at once. */
export function prepare(call: Call, attempt: Attempt, branch: Branch, again = false): void {
  const party = onBehalfOf(call, attempt)
  if (party === undefined) return
  const offered = offeredTo(call, attempt, party)
  if (offered === undefined) return invite(call, attempt, branch, undefined)
  const then = { kind: 'branch-offer', branch: branch.leg, again } as const
  call.media(offerFor(call, branch, party, offered), then)
}

type Offered = { readonly sdp: Sdp; readonly restated: boolean }

/** What `party` has to offer to who is called on its behalf; undefined when that one shall. */
export function offeredTo(call: Call, { purpose }: Attempt, party: Leg): Offered | undefined {
  const restated = purpose === 'transfer'
  const sdp = restated ? party.sdp : call.state.invite?.offer
  return sdp && { sdp, restated }
}

export function offerFor(call: Call, branch: Branch, party: Leg, offered: Offered): MediaOp {
  const { media, target } = branch
  const to = { from: party.media, to: media, toward: target.address }
  return { kind: 'relay-offer', request: { call: call.state.id, ...to, ...offered } }
}

export function invite(call: Call, attempt: Attempt, branch: Branch, sdp: Sdp | undefined): void {
  const party = onBehalfOf(call, attempt)
  if (party === undefined) return
  const request = buildInvite(call, attempt, branch, party, sdp)
  branch.request = request
  branch.state = 'calling'
  branch.told = printOf(sdp)
  const sent = { kind: 'branch', branch: branch.leg } as const
  branch.tx = call.send(request, hopTo(branch.target), branch.target.uri, sent)
  begun(call, attempt)
}

/**
 * Early state is proposed the moment the INVITEs leave, and they do not wait for it (DESIGN §4
 * rule 2). What devices answer does: nobody hears of a call that a successor would not know.
 */
export function begun(call: Call, { branches }: Attempt): void {
  if (branches.some(({ state }) => state === 'preparing') || !branches.some(isLive)) return
  call.save(call.unheard === undefined ? undefined : { kind: 'begun-saved' })
}

/** The same INVITE with the next CSeq, after a 422. */
export function inviteAgain(call: Call, attempt: Attempt, branch: Branch, minSe: number): void {
  branch.cseq++
  branch.minSe = minSe
  branch.state = 'preparing'
  branch.early.length = 0
  prepare(call, attempt, branch)
}

/** Stops ringing: one branch, with the reason for its CANCEL (RFC 3326). */
export function cancelBranch(call: Call, branch: Branch, reason: string | undefined): void {
  if (!isLive(branch)) return
  releaseBranch(call, branch)
  const tx = call.txOf((sent) => sent.kind === 'branch' && sent.branch === branch.leg)
  if (tx === undefined) {
    branch.state = 'over'
    return
  }
  branch.state = 'cancelling'
  call.outputs.push({ kind: 'cancel', tx, reason })
}

/** Its ports are wanted elsewhere; what it counted says nothing about the call. */
export function releaseBranch(call: Call, { media }: Branch): void {
  if (call.config.anchor) call.release([media], { kind: 'nothing' })
}

export const ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'

export function cancelOthers(
  call: Call,
  attempt: Attempt,
  winner: LegId | undefined,
  reason: string | undefined,
): void {
  for (const branch of attempt.branches)
    if (branch.leg !== winner) cancelBranch(call, branch, reason)
}

/**
 * Forgets an attempt that is decided once every device has given its final answer. Behind a proxy
 * a device may fork further, and answer twice: then the attempt lingers as long as that may be.
 */
export function settleAttempt(call: Call): void {
  const { attempt } = call.state
  if (attempt?.lingerUntil === undefined || call.state.answering !== undefined) return
  for (const { state, target } of attempt.branches)
    if ((state !== 'over' && state !== 'answered') || target.route.length > 0) return
  forgetAttempt(call)
}

export function forgetAttempt(call: Call): void {
  call.state.attempt = undefined
  call.late.clear()
}

/** The attempt's time, or its group's, is up. */
export function ringingTimedOut(call: Call, attempt: Attempt): void {
  if (attempt.lingerUntil !== undefined) return
  cancelOthers(call, attempt, undefined, undefined)
  if (call.now < attempt.endAt) return ringNextGroup(call, attempt)
  attempt.waiting = []
  attemptFailed(call, attempt)
}
