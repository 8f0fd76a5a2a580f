//! Session timers, RFC 4028: a session ends by itself when nobody refreshes it.
//!
//! Negotiation is a matter of headers (`sessionTimerOffer`, `judgeSessionTimer`,
//! `sessionTimerFrom2xx`, `minSeFrom422`); the running timer is a `SessionTimer`. "uac" and "uas"
//! are roles in one transaction and change with who sends the refresh; `refresher` here is a side.

import { after, millis, seconds, type Millis } from '../../base/time.ts'
import type { SipRequest, SipResponse } from '../message/message.ts'
import { minSe, sessionExpires, supported } from '../message/views.ts'

/** What this side wants, in seconds. */
export type SessionTimerPolicy = {
  /** Asked for when we send, and the most we grant. */
  readonly interval: number
  /** The least we accept; RFC 4028 §4 allows nothing under 90. */
  readonly minSe: number
  /** Who refreshes when the choice is ours and the peer can. */
  readonly prefer: 'local' | 'remote'
  /** Run a timer, refreshing alone, when the peer knows nothing of timers. */
  readonly insist: boolean
}

export type SessionTimer = {
  /** Session interval in seconds. */
  readonly interval: number
  readonly minSe: number
  readonly refresher: 'local' | 'remote'
  /** When to send the refresh; undefined while one is on its way and when the peer refreshes. */
  readonly refreshAt: Millis | undefined
  /** When the session is over unless refreshed: send BYE. */
  readonly expireAt: Millis
}

type SessionTimerOutput =
  /** Send UPDATE (when the peer allows it) or re-INVITE with `refreshHeaders`. */
  | { readonly kind: 'refresh' }
  /** Send BYE. */
  | { readonly kind: 'expired' }

export type HeaderFields = readonly (readonly [name: string, value: string])[]

/** The verdict on a received INVITE or UPDATE. */
export type SessionTimerVerdict =
  /** Answer 422 with these headers. */
  | { readonly kind: 'too-small'; readonly headers: HeaderFields }
  /** Put `headers` in the 2xx and run `terms` from then on. */
  | { readonly kind: 'run'; readonly headers: HeaderFields; readonly terms: SessionTerms }
  /** No timer in this session. */
  | { readonly kind: 'none' }

export type SessionTerms = Pick<SessionTimer, 'interval' | 'minSe' | 'refresher'>

/** RFC 4028 §4: nobody may ask for less, and what an absent Min-SE means. */
const LEAST = 90

/**
 * For an INVITE or UPDATE we send; its Supported must list `timer` besides. `terms` is what runs
 * now: undefined in the first INVITE.
 */
export function sessionTimerOffer(
  policy: SessionTimerPolicy,
  terms: SessionTerms | undefined,
): HeaderFields {
  const least = Math.max(policy.minSe, terms?.minSe ?? LEAST)
  const interval = Math.max(terms?.interval ?? policy.interval, least)
  const refresher = terms?.refresher ?? (policy.prefer === 'local' ? 'local' : undefined)
  const role = refresher === undefined ? '' : `;refresher=${refresher === 'local' ? 'uac' : 'uas'}`
  return [
    ['session-expires', `${interval}${role}`],
    ['min-se', String(least)],
  ]
}

/** The verdict on a received INVITE or UPDATE; `terms` is what runs now (§9). */
export function judgeSessionTimer(
  policy: SessionTimerPolicy,
  request: SipRequest,
  terms: SessionTerms | undefined,
): SessionTimerVerdict {
  const asked = sessionExpires(request)
  const capable = supported(request).includes('timer')
  const least = Math.max(policy.minSe, LEAST)
  if (asked !== undefined && capable && asked.seconds < least)
    return { kind: 'too-small', headers: [['min-se', String(least)]] }
  if (!capable && !policy.insist) return { kind: 'none' }
  // Neither side may go under the peer's Min-SE, nor over what was asked for (§9).
  const floor = Math.max(minSe(request) ?? LEAST, least)
  const wanted = terms?.interval ?? policy.interval
  const interval = Math.max(Math.min(wanted, asked?.seconds ?? wanted), floor)
  const refresher = refresherOf(policy, capable, asked?.refresher, terms)
  const role = refresher === 'remote' ? 'uac' : 'uas'
  const expires = ['session-expires', `${interval};refresher=${role}`] as const
  const headers: HeaderFields = capable ? [['require', 'timer'], expires] : [expires]
  return { kind: 'run', headers, terms: { interval, minSe: floor, refresher } }
}

/** RFC 4028 §9 Table 2. */
function refresherOf(
  policy: SessionTimerPolicy,
  capable: boolean,
  asked: 'uac' | 'uas' | undefined,
  terms: SessionTerms | undefined,
): 'local' | 'remote' {
  if (!capable) return 'local'
  if (asked !== undefined) return asked === 'uac' ? 'remote' : 'local'
  return terms?.refresher ?? policy.prefer
}

/**
 * What a 2xx to our INVITE or UPDATE (sent with `sessionTimerOffer`) settles; undefined when the
 * session has no timer: the peer does not know it, or we did not offer one (§7.2).
 */
export function sessionTimerFrom2xx(
  policy: SessionTimerPolicy,
  request: SipRequest,
  response: SipResponse,
): SessionTerms | undefined {
  const granted = sessionExpires(response)
  const least = Math.max(minSe(request) ?? LEAST, LEAST)
  if (granted === undefined) {
    const asked = sessionExpires(request)
    if (!policy.insist || asked === undefined) return undefined
    return { interval: asked.seconds, minSe: least, refresher: 'local' }
  }
  // The parameter is mandatory in a 2xx; without it the one who can be sure of it refreshes.
  const refresher = granted.refresher === 'uas' ? 'remote' : 'local'
  return { interval: Math.max(granted.seconds, LEAST), minSe: least, refresher }
}

/**
 * Our request was answered 422: the policy to send it again with (§7.3), or undefined when the
 * answer names nothing larger and another try would loop.
 */
export function policyAfter422(
  policy: SessionTimerPolicy,
  response: SipResponse,
): SessionTimerPolicy | undefined {
  const asked = minSe(response)
  if (asked === undefined || asked <= policy.minSe) return undefined
  return { ...policy, minSe: asked, interval: Math.max(policy.interval, asked) }
}

/** Runs the timer from now: at the 2xx that set the terms, sent or received, at each refresh. */
export function startSessionTimer(terms: SessionTerms, now: Millis): SessionTimer {
  const { interval, minSe: least, refresher } = terms
  // §10: the BYE goes out early by 32 s or a third of the interval, whichever is less.
  const margin = Math.min(32_000, (interval * 1_000) / 3)
  return {
    interval,
    minSe: least,
    refresher,
    refreshAt: refresher === 'local' ? after(now, seconds(interval / 2)) : undefined,
    expireAt: millis(Math.floor(now + interval * 1_000 - margin)),
  }
}

export function sessionTimerDeadline(timer: SessionTimer): Millis {
  const { refreshAt, expireAt } = timer
  return refreshAt !== undefined && refreshAt < expireAt ? refreshAt : expireAt
}

export type SessionTimerStep = {
  readonly next: SessionTimer | undefined
  readonly output: SessionTimerOutput | undefined
}

/** At or after the deadline. `next` is undefined once the session is over. */
export function wakeSessionTimer(timer: SessionTimer, now: Millis): SessionTimerStep {
  if (now >= timer.expireAt) return { next: undefined, output: { kind: 'expired' } }
  if (timer.refreshAt === undefined || now < timer.refreshAt)
    return { next: timer, output: undefined }
  return { next: { ...timer, refreshAt: undefined }, output: { kind: 'refresh' } }
}

/**
 * The refresh could not be sent or was refused for a passing reason (491, 500, 503): try again at
 * `at`. A 408 or 481 ends the session instead, and needs no timer.
 */
export function retryRefresh(timer: SessionTimer, at: Millis): SessionTimer {
  return { ...timer, refreshAt: at }
}
