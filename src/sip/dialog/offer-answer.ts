//! Whose offer is on the table, and what may travel next: RFC 3264 as RFC 3261 §13–14, RFC 3262
//! §5, RFC 3311 and RFC 6337 map it on SIP messages. One value per (early) dialog of an INVITE.
//!
//!   offer travels in                answer travels in
//!   INVITE                          reliable 1xx, or the 2xx (an unreliable 1xx only previews it)
//!   first reliable 1xx              its PRACK
//!   2xx                             ACK
//!   PRACK                           2xx to the PRACK
//!   UPDATE                          2xx to the UPDATE
//!
//! It looks at no SDP: `sdp` says whether the message carries a session description. When an
//! INVITE forks, the value as it stood after the INVITE is the start for every To tag.

import { assert, unreachable } from '../../base/assert.ts'
import type { Random } from '../../base/random.ts'
import { millis, type Millis } from '../../base/time.ts'

export type Side = 'local' | 'remote'

/** `1xx-rel` is a provisional response with Require: 100rel; `failed` any 3xx–6xx or no answer. */
export type Carrier =
  | 'INVITE'
  | 'INVITE 1xx'
  | 'INVITE 1xx-rel'
  | 'INVITE 2xx'
  | 'INVITE failed'
  | 'ACK'
  | 'PRACK'
  | 'PRACK 2xx'
  | 'PRACK failed'
  | 'UPDATE'
  | 'UPDATE 2xx'
  | 'UPDATE failed'

export type OfferAnswer = {
  /** An offer waits for its answer. */
  readonly offer: { readonly by: Side; readonly in: OfferCarrier } | undefined
  /** A first offer was answered in this dialog, reliably. */
  readonly settled: boolean
  /** The INVITE under way has had its offer, in itself or in a response; one is all it gets. */
  readonly offered: boolean
  /** An INVITE without a final response, by who sent it. */
  readonly invite: Side | undefined
  /** An UPDATE without a final response, by who sent it. */
  readonly update: Side | undefined
  /** An unreliable 1xx showed what the answer will be. */
  readonly previewed: boolean
}
type OfferCarrier = 'INVITE' | 'INVITE 1xx-rel' | 'INVITE 2xx' | 'PRACK' | 'UPDATE'

/** What the session description of a message is. */
export type Meaning =
  | 'offer'
  | 'answer'
  /** The coming answer in an unreliable 1xx: play early media by it, it binds nobody. */
  | 'preview'
  /** Says again what was answered already: to be ignored (§13.2.1). */
  | 'repeat'
  | 'none'

export type OfferAnswerStep =
  | { readonly kind: 'taken'; readonly next: OfferAnswer; readonly meaning: Meaning }
  /** A received request to be refused. 500 comes with Retry-After in seconds. */
  | {
      readonly kind: 'refused'
      readonly status: 491 | 500
      readonly retryAfter: number | undefined
      readonly reason: string
    }
  /** The peer broke the exchange (2xx or ACK without the answer): end the session with BYE. */
  | { readonly kind: 'broken'; readonly next: OfferAnswer; readonly reason: string }

export const NO_EXCHANGE: OfferAnswer = {
  offer: undefined,
  settled: false,
  offered: false,
  invite: undefined,
  update: undefined,
  previewed: false,
}

/** A message of the INVITE usage: `by` sent it. */
export type Passing = { readonly by: Side; readonly carrier: Carrier; readonly sdp: boolean }

/**
 * One message passes, in the order it is sent or received. Sending what `maySend` forbids, or a
 * response without the answer it owes, is a bug of the caller. `random` serves Retry-After.
 */
export function exchange(state: OfferAnswer, passing: Passing, random: Random): OfferAnswerStep {
  const objection = objectionTo(state, passing)
  if (objection !== undefined) {
    assert(passing.by === 'remote', `${passing.carrier} sent against RFC 6337: ${objection.reason}`)
    // RFC 3261 §14.2, RFC 3311 §5.2: between 0 and 10 seconds, at random.
    const retryAfter = objection.status === 500 ? random.below(11) : undefined
    return { kind: 'refused', ...objection, retryAfter }
  }
  const step = passes(state, passing)
  assert(step.kind !== 'broken' || passing.by === 'remote', `${passing.carrier} sent without SDP`)
  return step
}

/** Whether we may send this request or response now. */
export function maySend(state: OfferAnswer, carrier: Carrier, sdp: boolean): boolean {
  return objectionTo(state, { by: 'local', carrier, sdp }) === undefined
}

/**
 * How long to wait with the next one when our INVITE or UPDATE was answered 491: the owner of the
 * Call-ID (`uac`) 2.1 to 4 s, the other side up to 2 s, in steps of 10 ms (§14.1).
 */
export function glareDelay(role: 'uac' | 'uas', random: Random): Millis {
  return millis(role === 'uac' ? 2_100 + 10 * random.below(191) : 10 * random.below(201))
}

type Objection = { readonly status: 491 | 500; readonly reason: string }

function objectionTo(state: OfferAnswer, { by, carrier, sdp }: Passing): Objection | undefined {
  if (carrier === 'INVITE') return objectionToInvite(state, by)
  if (carrier === 'UPDATE') return objectionToUpdate(state, by, sdp)
  if (carrier !== 'PRACK' || !sdp || state.offer === undefined) return undefined
  if (isAnswer(state, by, 'INVITE 1xx-rel')) return undefined
  return clash(state.offer.by, by, UNANSWERED)
}

function objectionToInvite({ invite, offer }: OfferAnswer, by: Side): Objection | undefined {
  if (invite !== undefined) return clash(invite, by, 'an INVITE is in progress')
  return offer === undefined ? undefined : clash(offer.by, by, UNANSWERED)
}

function objectionToUpdate(state: OfferAnswer, by: Side, sdp: boolean): Objection | undefined {
  const { invite, update, offer } = state
  if (update === by) return clash(update, by, 'an UPDATE is in progress')
  if (!sdp) return undefined
  if (offer !== undefined) return clash(offer.by, by, UNANSWERED)
  if (invite !== undefined && !state.offered)
    return { status: 491, reason: 'the offer is due in a response to the INVITE' }
  // Only a sender must know better; what a peer asks before that can be answered.
  if (state.settled || by === 'remote') return undefined
  return { status: 491, reason: 'no first offer and answer yet' }
}

const UNANSWERED = 'an offer waits for its answer'

/** Two that cross: 491. A second one by the same side before the first is done: 500. */
function clash(first: Side, second: Side, reason: string): Objection {
  return { status: first === second ? 500 : 491, reason }
}

function passes(state: OfferAnswer, passing: Passing): OfferAnswerStep {
  const { by, carrier, sdp } = passing
  switch (carrier) {
    case 'INVITE': {
      const next = { ...state, invite: by, offered: sdp, previewed: false }
      return sdp ? offers(next, by, 'INVITE') : taken(next, 'none')
    }
    case 'INVITE 1xx':
      if (!sdp) return taken(state, 'none')
      if (!isAnswer(state, by, 'INVITE')) return taken(state, 'repeat')
      return taken({ ...state, previewed: true }, 'preview')
    case 'INVITE 1xx-rel':
      if (!sdp) return taken(state, 'none')
      if (isAnswer(state, by, 'INVITE')) return answers(state)
      if (state.offered || state.offer !== undefined) return taken(state, 'repeat')
      return offers({ ...state, offered: true }, by, 'INVITE 1xx-rel')
    case 'INVITE 2xx':
      return passesInvite2xx({ ...state, invite: undefined }, passing)
    case 'INVITE failed': {
      const next = { ...state, invite: undefined, previewed: false }
      const carried = state.offer?.in === 'INVITE' || state.offer?.in === 'INVITE 1xx-rel'
      return taken(carried ? { ...next, offer: undefined } : next, 'none')
    }
    case 'ACK':
      return owesAnswer(state, passing, 'INVITE 2xx')
    case 'PRACK':
      if (isAnswer(state, by, 'INVITE 1xx-rel')) return owesAnswer(state, passing, 'INVITE 1xx-rel')
      return sdp ? offers(state, by, 'PRACK') : taken(state, 'none')
    case 'PRACK 2xx':
      return owesAnswer(state, passing, 'PRACK')
    case 'PRACK failed':
      return taken(state.offer?.in === 'PRACK' ? { ...state, offer: undefined } : state, 'none')
    case 'UPDATE': {
      const next = { ...state, update: by }
      return sdp ? offers(next, by, 'UPDATE') : taken(next, 'none')
    }
    case 'UPDATE 2xx':
      return owesAnswer({ ...state, update: undefined }, passing, 'UPDATE')
    case 'UPDATE failed': {
      const offer = state.offer?.in === 'UPDATE' ? undefined : state.offer
      return taken({ ...state, update: undefined, offer }, 'none')
    }
    default:
      return unreachable(carrier)
  }
}

function passesInvite2xx(state: OfferAnswer, { by, sdp }: Passing): OfferAnswerStep {
  if (isAnswer(state, by, 'INVITE')) {
    if (sdp) return answers(state)
    // Deviation: the answer must be in a reliable message (§13.2.1), but phones that showed it in
    // a 18x and leave it out of the 2xx are heard all the same.
    if (!state.previewed) return broken(state, 'the 2xx holds no answer')
    return taken({ ...state, offer: undefined, settled: true, previewed: false }, 'none')
  }
  if (state.offered) return taken(state, sdp ? 'repeat' : 'none')
  if (!sdp) return broken(state, 'the 2xx holds no offer, and the INVITE held none')
  return offers({ ...state, offered: true }, by, 'INVITE 2xx')
}

/** A message that must hold the answer to the other side's offer, if that offer waits for it. */
function owesAnswer(
  state: OfferAnswer,
  { by, carrier, sdp }: Passing,
  offeredIn: OfferCarrier,
): OfferAnswerStep {
  if (!isAnswer(state, by, offeredIn)) return taken(state, sdp ? 'repeat' : 'none')
  return sdp ? answers(state) : broken(state, `the ${carrier} holds no answer`)
}

function isAnswer({ offer }: OfferAnswer, by: Side, offeredIn: OfferCarrier): boolean {
  return offer !== undefined && offer.by !== by && offer.in === offeredIn
}

function offers(state: OfferAnswer, by: Side, carrier: OfferCarrier): OfferAnswerStep {
  return taken({ ...state, offer: { by, in: carrier } }, 'offer')
}

function answers(state: OfferAnswer): OfferAnswerStep {
  return taken({ ...state, offer: undefined, settled: true, previewed: false }, 'answer')
}

function taken(next: OfferAnswer, meaning: Meaning): OfferAnswerStep {
  return { kind: 'taken', next, meaning }
}

function broken(state: OfferAnswer, reason: string): OfferAnswerStep {
  return { kind: 'broken', next: { ...state, offer: undefined }, reason }
}
