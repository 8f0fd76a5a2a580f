//! The subscriber's side of one subscription, RFC 6665 §4.1, as a value that survives JSON.
//!
//!   start: SUBSCRIBE --> subscribing --NOTIFY--> pending <--> active --NOTIFY terminated--> ended
//!                          | refused                | refreshed before it runs out
//!                          | no NOTIFY in 64*T1     | no refresh got through
//!                          +------------------------+--------------------------------------> ended
//!
//! It says when to send SUBSCRIBE, and with which Expires; dialogs and bodies are the driver's.

import { unreachable } from '../../base/assert.ts'
import { after, millis, seconds, type Millis } from '../../base/time.ts'
import { endsSubscription } from './subscription.ts'
import { HOPE } from './timers.ts'

export type Subscriber = {
  readonly state: 'subscribing' | 'pending' | 'active' | 'ended'
  /** Seconds to ask for; 0 once it is to end, or for a fetch. */
  readonly wanted: number
  readonly expiresAt: Millis | undefined
  readonly refreshAt: Millis | undefined
  /** Timer N: a NOTIFY must come by then (§4.1.2.4). */
  readonly notifyBy: Millis | undefined
  /** Expires of the SUBSCRIBE that is on its way. */
  readonly asked: number | undefined
}

export type SubscriberInput =
  /** A final response to the SUBSCRIBE; numbers are seconds. */
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly expires?: number | undefined
      readonly minExpires?: number | undefined
      readonly retryAfter?: number | undefined
    }
  | { readonly kind: 'unanswered' }
  /** A NOTIFY in this subscription, as its Subscription-State reads. */
  | {
      readonly kind: 'notified'
      readonly state: string
      readonly expires?: number | undefined
      readonly reason?: string | undefined
      readonly retryAfter?: number | undefined
    }
  | { readonly kind: 'unsubscribe' }
  | { readonly kind: 'wake' }

type SubscriberOutput =
  | { readonly kind: 'subscribe'; readonly expires: number }
  /** Over. A new subscription may be tried after so many seconds; undefined: not by itself. */
  | {
      readonly kind: 'ended'
      readonly reason: string
      readonly tryAgainAfter: number | undefined
    }

export type SubscriberStep = {
  readonly next: Subscriber
  readonly outputs: readonly SubscriberOutput[]
}

/** `expires` 0 fetches the state once. */
export function startSubscriber(expires: number, now: Millis): SubscriberStep {
  const next: Subscriber = {
    state: 'subscribing',
    wanted: expires,
    expiresAt: undefined,
    refreshAt: undefined,
    notifyBy: after(now, HOPE),
    asked: expires,
  }
  return { next, outputs: [{ kind: 'subscribe', expires }] }
}

export function stepSubscriber(
  state: Subscriber,
  input: SubscriberInput,
  now: Millis,
): SubscriberStep {
  if (state.state === 'ended') return stay(state)
  switch (input.kind) {
    case 'answered':
      return onAnswered(state, input, now)
    case 'unanswered':
      // RFC 5057: a SUBSCRIBE that times out takes its subscription along.
      return end(state, 'unanswered', 0)
    case 'notified':
      return onNotified(state, input, now)
    case 'unsubscribe':
      if (state.wanted === 0) return stay(state)
      // One at a time: before the first answer there is no dialog to say it in.
      if (state.asked !== undefined) return stay({ ...state, wanted: 0 })
      return subscribe({ ...state, wanted: 0 }, now)
    case 'wake':
      return onWake(state, now)
    default:
      return unreachable(input)
  }
}

export function subscriberDeadline(state: Subscriber): Millis | undefined {
  let first: Millis | undefined
  for (const each of [state.expiresAt, state.refreshAt, state.notifyBy])
    if (each !== undefined && (first === undefined || each < first)) first = each
  return state.state === 'ended' ? undefined : first
}

/** A successor takes over and refreshes at once; `shift` is its clock less the one in the value. */
export function resumeSubscriber(state: Subscriber, shift: Millis, now: Millis): Subscriber {
  const { expiresAt } = state
  return {
    ...state,
    expiresAt: expiresAt === undefined ? undefined : after(expiresAt, shift),
    refreshAt: now,
    notifyBy: undefined,
    asked: undefined,
  }
}

/** A refused refresh this close to the end is the last. */
const LAST_CHANCE: Millis = seconds(10)

type Answered = Extract<SubscriberInput, { kind: 'answered' }>
type Notified = Extract<SubscriberInput, { kind: 'notified' }>

function onAnswered(before: Subscriber, answer: Answered, now: Millis): SubscriberStep {
  const { status, minExpires = 0, retryAfter } = answer
  const state = { ...before, asked: undefined }
  if (status < 300) {
    if (state.wanted === 0 && before.asked !== 0) return subscribe(state, now)
    const expires = Math.min(answer.expires ?? state.wanted, state.wanted)
    return stay(granted(state, expires, now))
  }
  if (status === 423 && minExpires > state.wanted && state.wanted > 0)
    return subscribe({ ...state, wanted: minExpires }, now)
  const established = state.state !== 'subscribing' && state.wanted > 0
  if (!established || endsSubscription(status)) {
    // 481 to a refresh: the notifier has lost it, a new one is welcome (§4.1.2.2).
    const again = established && status === 481 ? 0 : retryAfter
    return end(state, String(status), again)
  }
  // §4.1.2.2: it lives on until it expires; try again on the way there, while there is time.
  const left = (state.expiresAt ?? now) - now
  const delay = retryAfter === undefined ? millis(Math.ceil(left / 2)) : seconds(retryAfter)
  const refreshAt = left < LAST_CHANCE ? undefined : after(now, delay)
  return stay({ ...state, refreshAt, notifyBy: undefined })
}

function onNotified(state: Subscriber, notify: Notified, now: Millis): SubscriberStep {
  // What crosses our own goodbye is not the NOTIFY that answers it.
  const heard = state.wanted === 0 ? state : { ...state, notifyBy: undefined }
  if (notify.state === 'terminated') {
    const { reason = 'none', retryAfter } = notify
    return end(heard, reason, state.wanted === 0 ? undefined : tryAgain(reason, retryAfter))
  }
  const next: Subscriber = { ...heard, state: notify.state === 'pending' ? 'pending' : 'active' }
  // The notifier may shorten, never lengthen (§4.1.3); before the 2xx it is all we know.
  const limit = state.expiresAt === undefined ? state.wanted : (state.expiresAt - now) / 1_000
  if (notify.expires === undefined || (notify.expires >= limit && state.expiresAt !== undefined))
    return stay(next)
  return stay(granted(next, Math.min(notify.expires, limit), now))
}

function onWake(state: Subscriber, now: Millis): SubscriberStep {
  const isPast = (at: Millis | undefined): boolean => at !== undefined && now >= at
  if (isPast(state.notifyBy)) return end(state, 'no-notify', 0)
  if (isPast(state.expiresAt)) return end(state, 'expired', 0)
  return isPast(state.refreshAt) ? subscribe(state, now) : stay(state)
}

/** §4.1.3: what each reason means for a subscriber who still wants to know. */
function tryAgain(reason: string, retryAfter: number | undefined): number | undefined {
  switch (reason) {
    case 'rejected':
    case 'noresource':
    case 'invariant':
      return undefined
    case 'deactivated':
    case 'timeout':
      return 0
    default:
      return retryAfter ?? 0
  }
}

function subscribe(state: Subscriber, now: Millis): SubscriberStep {
  const expires = state.wanted
  const notifyBy = after(now, HOPE)
  const next = { ...state, refreshAt: undefined, notifyBy, asked: expires }
  return { next, outputs: [{ kind: 'subscribe', expires }] }
}

/** Refreshed 32 s before the end, or at 9/10 of long ones and half of short ones. */
function granted(state: Subscriber, expires: number, now: Millis): Subscriber {
  if (state.wanted === 0) return { ...state, refreshAt: undefined, expiresAt: undefined }
  const lead = Math.min(expires / 2, Math.max(expires / 10, 32))
  const expiresAt = after(now, seconds(expires))
  return { ...state, expiresAt, refreshAt: after(now, seconds(expires - lead)) }
}

function end(state: Subscriber, reason: string, tryAgainAfter: number | undefined): SubscriberStep {
  const next: Subscriber = { ...state, state: 'ended' }
  return { next, outputs: [{ kind: 'ended', reason, tryAgainAfter }] }
}

function stay(next: Subscriber): SubscriberStep {
  return { next, outputs: [] }
}
