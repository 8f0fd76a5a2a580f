//! Reliable provisional responses, RFC 3262, both sides.
//!
//! UAS (`ReliableSender`, one per INVITE server transaction): numbers the responses, repeats the
//! one on its way (T1, doubling, up to 64*T1) until its PRACK comes, and holds later ones back
//! until then (§3). UAC (`ReliableReceiver`, one per early dialog): says which ones get a PRACK.
//!
//! The values hold numbers only. Whoever drives them keeps the responses by RSeq and sends them.

import { assert, unreachable } from '../../base/assert.ts'
import { after, millis, type Millis } from '../../base/time.ts'
import type { SipResponse } from '../message/message.ts'
import { cseq, required, rseq } from '../message/views.ts'
import { HOPE, T1 } from './timers.ts'

export type ReliableSender = {
  /** CSeq number of the INVITE, as RAck must repeat it. */
  readonly inviteCseq: number
  readonly nextRseq: number
  /** Sent and without PRACK; `at` is when to send it again, undefined after a final response. */
  readonly pending:
    | {
        readonly rseq: number
        readonly interval: Millis
        readonly at: Millis | undefined
        readonly giveUpAt: Millis
      }
    | undefined
  /** Numbered and waiting for the pending one's PRACK, in order. */
  readonly waiting: readonly number[]
  readonly finished: boolean
}

export type SenderInput =
  /** A reliable response is to go out; it gets `nextRseq` of the state before. */
  | { readonly kind: 'respond' }
  | { readonly kind: 'prack'; readonly rack: Rack }
  /** A final response was sent: nothing is repeated any more, a late PRACK still matches. */
  | { readonly kind: 'finished' }
  | { readonly kind: 'wake' }

/** As read from the RAck header. */
type Rack = { readonly rseq: number; readonly cseq: number; readonly method: string }

export type SenderOutput =
  /** Send the response with this RSeq, for the first time or again. */
  | { readonly kind: 'transmit'; readonly rseq: number }
  /** Answer the PRACK 2xx; this response has arrived. */
  | { readonly kind: 'acknowledged'; readonly rseq: number }
  /** Answer the PRACK 481. */
  | { readonly kind: 'unmatched' }
  /** No PRACK in 64*T1: reject the INVITE with a 5xx (§3). */
  | { readonly kind: 'gave-up'; readonly rseq: number }

export type SenderStep = {
  readonly next: ReliableSender
  readonly outputs: readonly SenderOutput[]
}

export type ReliableReceiver = {
  /** RSeq of the last one taken; undefined before the first. */
  readonly rseq: number | undefined
}

export type Reception =
  /** Send a PRACK with this RAck value and act on the response. */
  | { readonly kind: 'prack'; readonly next: ReliableReceiver; readonly rack: string }
  /** Seen before, or ahead of one that is missing: neither PRACK nor act; it will be repeated. */
  | { readonly kind: 'ignore' }
  /** Not a reliable response. */
  | { readonly kind: 'unreliable' }

/**
 * For the INVITE with this CSeq number. The first RSeq is the caller's choice, best random in
 * 1 … 2**31-1 (§3), so that a PRACK cannot be guessed.
 */
export function reliableSender(inviteCseq: number, firstRseq: number): ReliableSender {
  return { inviteCseq, nextRseq: firstRseq, pending: undefined, waiting: [], finished: false }
}

/** A 2xx has to wait while this is true (§3, when an unacknowledged response held SDP). */
export function isUnacknowledged(state: ReliableSender): boolean {
  return state.pending !== undefined || state.waiting.length > 0
}

export function reliableDeadline(state: ReliableSender): Millis | undefined {
  return state.pending?.at
}

export function stepReliable(state: ReliableSender, input: SenderInput, now: Millis): SenderStep {
  switch (input.kind) {
    case 'respond': {
      assert(!state.finished, 'no provisional response after the final one')
      const number = state.nextRseq
      const next = { ...state, nextRseq: number + 1 }
      if (state.pending === undefined) return transmit(next, number, now)
      return { next: { ...next, waiting: [...state.waiting, number] }, outputs: [] }
    }
    case 'prack':
      return onPrack(state, input.rack, now)
    case 'finished': {
      const pending = state.pending && { ...state.pending, at: undefined }
      return { next: { ...state, pending, waiting: [], finished: true }, outputs: [] }
    }
    case 'wake':
      return onWake(state, now)
    default:
      return unreachable(input)
  }
}

function onPrack(state: ReliableSender, rack: Rack, now: Millis): SenderStep {
  const { pending } = state
  const matches =
    pending?.rseq === rack.rseq && rack.cseq === state.inviteCseq && rack.method === 'INVITE'
  if (!matches) return { next: state, outputs: [{ kind: 'unmatched' }] }
  const acknowledged: SenderOutput = { kind: 'acknowledged', rseq: rack.rseq }
  const [first, ...waiting] = state.waiting
  const free = { ...state, pending: undefined, waiting }
  if (first === undefined) return { next: free, outputs: [acknowledged] }
  const { next, outputs } = transmit(free, first, now)
  return { next, outputs: [acknowledged, ...outputs] }
}

function onWake(state: ReliableSender, now: Millis): SenderStep {
  const { pending } = state
  if (pending?.at === undefined || now < pending.at) return { next: state, outputs: [] }
  if (now >= pending.giveUpAt) {
    const next = { ...state, pending: undefined, waiting: [], finished: true }
    return { next, outputs: [{ kind: 'gave-up', rseq: pending.rseq }] }
  }
  // No ceiling at T2 here: §3 doubles for the whole of 64*T1.
  const interval = millis(pending.interval * 2)
  const at = millis(Math.min(now + interval, pending.giveUpAt))
  const next = { ...state, pending: { ...pending, interval, at } }
  return { next, outputs: [{ kind: 'transmit', rseq: pending.rseq }] }
}

function transmit(
  state: ReliableSender,
  number: number,
  now: Millis,
  giveUpAt = after(now, HOPE),
): SenderStep {
  const pending = { rseq: number, interval: T1, at: after(now, T1), giveUpAt }
  return { next: { ...state, pending }, outputs: [{ kind: 'transmit', rseq: number }] }
}

/** These are left to be said, or said again, in this order; the first no longer than `giveUpAt`. */
export function resumeSender(
  state: ReliableSender,
  left: readonly number[],
  now: Millis,
  giveUpAt?: Millis,
): ReliableSender {
  const [first, ...waiting] = left
  const next = { ...state, pending: undefined, waiting, finished: false }
  return first === undefined ? next : transmit(next, first, now, giveUpAt).next
}

export const NOTHING_RECEIVED: ReliableReceiver = { rseq: undefined }

/** A provisional response to our INVITE came, in the early dialog that `state` belongs to. */
export function receiveProvisional(state: ReliableReceiver, response: SipResponse): Reception {
  const number = rseq(response)
  const invite = cseq(response)
  if (number === undefined || invite === undefined) return { kind: 'unreliable' }
  if (!required(response).includes('100rel')) return { kind: 'unreliable' }
  // §4: the first may be any number, each further one exactly one more.
  if (state.rseq !== undefined && number !== state.rseq + 1) return { kind: 'ignore' }
  const rack = `${number} ${invite.number} ${invite.method}`
  return { kind: 'prack', next: { rseq: number }, rack }
}
