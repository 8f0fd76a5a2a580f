//! The notifier's side of one subscription, RFC 6665 §4.2, as a value that survives JSON.
//!
//!   SUBSCRIBE accepted --> pending --approved--> active
//!                             |                    |   every change: NOTIFY, one at a time,
//!                             +--------+-----------+   not closer together than `gap`
//!                                      | expired, unsubscribed, ended by us
//!                                 terminated --last NOTIFY answered--> ended (drop the value)
//!                  a NOTIFY unanswered or refused for good ------------> ended
//!
//! It says when a NOTIFY is due and what its Subscription-State is; whoever drives it puts the
//! state of that moment in the body, so changes in between melt into one.

import { unreachable } from '../../base/assert.ts'
import { after, millis, seconds, type Millis } from '../../base/time.ts'
import { endsSubscription, type EndReason } from './subscription.ts'

export type Notifier = {
  readonly state: 'pending' | 'active' | 'terminated'
  readonly expiresAt: Millis
  /** Why it is terminated. */
  readonly reason: EndReason | undefined
  /** For `terminated`: seconds after which to try again. */
  readonly retryAfter: number | undefined
  /** A NOTIFY is on its way. */
  readonly inFlight: boolean
  /** Something happened since the last NOTIFY was made. */
  readonly due: boolean
  /** No NOTIFY of mere changes before this. */
  readonly notBefore: Millis
  /** The least time between two of them. */
  readonly gap: Millis
}

export type NotifierInput =
  /** A SUBSCRIBE within the dialog, accepted for so many seconds; 0 ends it. */
  | { readonly kind: 'refreshed'; readonly expires: number }
  | { readonly kind: 'approved' }
  /** What the package shows is another now. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'end'; readonly reason: EndReason; readonly retryAfter?: number }
  /** The NOTIFY's final response; `retryAfter` in seconds. */
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly retryAfter?: number | undefined
    }
  /** The NOTIFY's transaction failed. */
  | { readonly kind: 'unanswered' }
  | { readonly kind: 'wake' }

export type NotifierOutput =
  /** Send NOTIFY with this Subscription-State; a body only when `withState` is true. */
  | {
      readonly kind: 'notify'
      readonly subscriptionState: string
      readonly withState: boolean
    }
  /** Over; nothing more is to be sent. */
  | { readonly kind: 'ended' }

export type NotifierStep = { readonly next: Notifier; readonly outputs: readonly NotifierOutput[] }

export type NotifierStart = {
  /** Seconds granted; 0 is a fetch: one NOTIFY and over (§4.4.3). */
  readonly expires: number
  readonly pending: boolean
  readonly gap: Millis
}

/** Right after the 2xx to the SUBSCRIBE: the first NOTIFY goes out at once (§4.2.1.2). */
export function startNotifier({ expires, pending, gap }: NotifierStart, now: Millis): NotifierStep {
  const fresh: Notifier = {
    state: pending ? 'pending' : 'active',
    expiresAt: after(now, seconds(expires)),
    reason: undefined,
    retryAfter: undefined,
    inFlight: false,
    due: true,
    notBefore: now,
    gap,
  }
  return flush(expires === 0 ? terminated(fresh, 'timeout') : fresh, now)
}

export function stepNotifier(state: Notifier, input: NotifierInput, now: Millis): NotifierStep {
  switch (input.kind) {
    case 'refreshed': {
      if (state.state === 'terminated') return stay(state)
      const next = { ...state, expiresAt: after(now, seconds(input.expires)), due: true }
      // §4.2.1.2: a refresh is answered by a NOTIFY at once, whatever the gap.
      return flush(urgent(input.expires === 0 ? terminated(next, 'timeout') : next, now), now)
    }
    case 'approved':
      return state.state === 'pending'
        ? flush(urgent({ ...state, state: 'active', due: true }, now), now)
        : stay(state)
    case 'changed':
      return state.state === 'active' ? flush({ ...state, due: true }, now) : stay(state)
    case 'end':
      return state.state === 'terminated'
        ? stay(state)
        : flush(urgent(terminated(state, input.reason, input.retryAfter), now), now)
    case 'answered':
      return onAnswered(state, input.status, input.retryAfter, now)
    case 'unanswered':
      return { next: ended(state), outputs: [{ kind: 'ended' }] }
    case 'wake':
      return onWake(state, now)
    default:
      return unreachable(input)
  }
}

export function notifierDeadline(state: Notifier): Millis | undefined {
  if (state.state === 'terminated')
    return state.due && !state.inFlight ? state.notBefore : undefined
  const sendAt = state.due && !state.inFlight ? state.notBefore : state.expiresAt
  return sendAt < state.expiresAt ? sendAt : state.expiresAt
}

/** Seconds left, for Expires and Subscription-State. */
function secondsLeft(state: Notifier, now: Millis): number {
  return Math.max(0, Math.ceil((state.expiresAt - now) / 1_000))
}

/**
 * A successor takes over: `shift` is its clock minus the one in the value. It tells the whole
 * state anew, as nobody knows whether the last NOTIFY arrived.
 */
export function resumeNotifier(state: Notifier, shift: Millis, now: Millis): Notifier {
  const expiresAt = after(state.expiresAt, shift)
  return { ...state, expiresAt, inFlight: false, due: true, notBefore: now }
}

function onAnswered(
  state: Notifier,
  status: number,
  retryAfter: number | undefined,
  now: Millis,
): NotifierStep {
  const over = state.state === 'terminated' && !state.due
  if (over || endsSubscription(status)) return { next: ended(state), outputs: [{ kind: 'ended' }] }
  const next = { ...state, inFlight: false }
  if (status < 300 || retryAfter === undefined) return flush(next, now)
  const notBefore = after(now, seconds(retryAfter))
  return stay({ ...next, due: true, notBefore })
}

function onWake(state: Notifier, now: Millis): NotifierStep {
  const expired = state.state !== 'terminated' && now >= state.expiresAt
  return flush(expired ? urgent(terminated(state, 'timeout'), now) : state, now)
}

/** Sends what is due, unless one is on its way or it is too early. */
function flush(state: Notifier, now: Millis): NotifierStep {
  if (!state.due || state.inFlight || now < state.notBefore) return stay(state)
  const next = { ...state, due: false, inFlight: true, notBefore: after(now, state.gap) }
  const withState = state.state !== 'pending' && state.reason !== 'rejected'
  const subscriptionState = describe(state, now)
  return { next, outputs: [{ kind: 'notify', subscriptionState, withState }] }
}

function describe(state: Notifier, now: Millis): string {
  if (state.state !== 'terminated') return `${state.state};expires=${secondsLeft(state, now)}`
  const retry = state.retryAfter === undefined ? '' : `;retry-after=${state.retryAfter}`
  return `terminated;reason=${state.reason ?? 'timeout'}${retry}`
}

function terminated(state: Notifier, reason: EndReason, retryAfter?: number): Notifier {
  return { ...state, state: 'terminated', reason, retryAfter, due: true }
}

/** The gap is no reason to hold this one back. */
function urgent(state: Notifier, now: Millis): Notifier {
  return state.notBefore > now ? { ...state, notBefore: now } : state
}

function ended(state: Notifier): Notifier {
  return { ...state, state: 'terminated', due: false, inFlight: false }
}

function stay(next: Notifier): NotifierStep {
  return { next, outputs: [] }
}

export const NO_GAP: Millis = millis(0)
