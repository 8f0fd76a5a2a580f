//! Everything a call is, as plain data: what a snapshot holds and a successor resumes.
//!
//! A call has legs, one a party; two legs that talk to each other are peers. While somebody is
//! being called there is an *attempt*: the branches that ring, each with the early dialogs it made.
//! The caller's INVITE is answered once; until then it has a *face* for every early dialog behind
//! it, so that each has a To tag of its own (RFC 3261 §12.1).
//!
//! Class: recoverable. Live requests (`Pending`) are written as their heads, see `snapshot.ts`.

import type { Brand } from '../../../src/base/brand.ts'
import type { Millis, WallTime } from '../../../src/base/time.ts'
import type { CallId, TenantId } from '../../../src/control/ids.ts'
import type { MediaId, Sdp } from '../../../src/control/media-control.ts'
import type { Ack2xx } from '../../../src/sip/dialog/ack-2xx.ts'
import type { Dialog } from '../../../src/sip/dialog/dialog.ts'
import type { Notifier } from '../../../src/sip/dialog/notifier.ts'
import type { OfferAnswer } from '../../../src/sip/dialog/offer-answer.ts'
import type {
  ReliableReceiver,
  ReliableSender,
} from '../../../src/sip/dialog/reliable-provisional.ts'
import type { Replaces } from '../../../src/sip/dialog/replaces.ts'
import type {
  HeaderFields,
  SessionTerms,
  SessionTimer,
} from '../../../src/sip/dialog/session-timer.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import type { FlowId, Source, Target } from '../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import type { ForkTarget } from '../routing/plan.ts'

/** A client transaction of this call. */
export type TxId = Brand<number, 'TxId'>

/** Counted from 0, the caller, within one call; a branch that is answered keeps its number. */
export type LegId = Brand<number, 'LegId'>

export const CALLER = 0 as LegId

/**
 *   setup --answered--> up --somebody hangs up--> ending --counters in, CDR out--> ended
 *     +---- refused, cancelled ----------------------^
 */
export type Phase = 'setup' | 'up' | 'ending' | 'ended'

export type CallState = {
  readonly id: CallId
  readonly tenant: TenantId
  phase: Phase
  readonly record: CallRecord
  readonly legs: Leg[]
  /** The caller's INVITE until its final answer. */
  invite: CallerInvite | undefined
  /** What the caller is being answered: set before the commit, so that a successor knows it. */
  answering: Answering | undefined
  attempt: Attempt | undefined
  transfer: Transfer | undefined
  join: Join | undefined
  nextLeg: LegId
  transfers: number
  /** Calls whose legs came over to this one; their tags still name them. */
  readonly absorbed: CallId[]
  /** The call whose ringing this caller picks up. */
  pickingUp: CallId | undefined
  /** Somebody picks up our ringing: `picked-up` is to come, and even an ended call waits for it. */
  awaitsPicker: boolean
  /** Our ringing was picked up, or a leg came over: it is joined once the caller is answered. */
  pickedUp: boolean
  /** The prompt the caller hears before the final answer, and when it is cut. */
  announcement: { readonly refusal: Refusal; readonly endAt: Millis } | undefined
}

/** What the CDR will say. */
export type CallRecord = {
  readonly startedAt: WallTime
  rangAt: WallTime | undefined
  answeredAt: WallTime | undefined
  endedAt: WallTime | undefined
  readonly caller: string
  readonly callerName: string
  callee: string
  readonly dialled: string
  answeredBy: string | undefined
  status: number
  cause: string
  endedBy: 'caller' | 'callee' | 'system'
  readonly callerSipCallId: string
  calleeSipCallId: string | undefined
  readonly callerUserAgent: string
  calleeUserAgent: string
  transferredFrom: CallId | undefined
  forwardedBy: string | undefined
}

/** How a device is reached when its dialog has no route set. */
export type Hop = {
  /** Undefined when no more than the address is known: after a restart. */
  readonly to: FlowId | Target | undefined
  /** The numeric address it is seen at: which of our own addresses media is to name. */
  readonly address: string
  /** Where it may have registered anew when the flow is gone. */
  readonly aor: string | undefined
  /** Which of the devices there, see `deviceIdOf`; undefined when that is not known. */
  readonly device?: string | undefined
}

export type Party = {
  /** Of an extension; who is called may be none. */
  readonly aor: string | undefined
  readonly name: string
  readonly uri: string
}

export type Leg = {
  readonly id: LegId
  /** The branch that it was called by; undefined for who called us. */
  readonly branch: LegId | undefined
  readonly party: Party
  /** It asked not to be named to the other side (RFC 3323). */
  readonly hidden: boolean
  /** For the record: who this leg speaks for. */
  side: 'caller' | 'callee'
  state: 'setup' | 'up' | 'leaving' | 'gone'
  hop: Hop
  /** Another when its session is made anew, see `media-loss.ts`. */
  media: MediaId
  /** Its media session is released already. */
  released: boolean
  dialog: Dialog | undefined
  exchange: OfferAnswer
  /** Its Allow names UPDATE. */
  canUpdate: boolean
  /** The peer's last description, offer or answer. */
  sdp: Sdp | undefined
  /** Print of the last description we sent it; see `printOf`. */
  told: number
  peer: LegId | undefined
  held: boolean
  /** Its other end is the service at this number. */
  service: string | undefined
  /** Our 2xx, repeated until its ACK comes. */
  accepted: Accepted | undefined
  timer: SessionTimer | undefined
  /** When a leg without session timer is asked whether it is still there. */
  probeAt: Millis | undefined
  /** Leaving, but its ACK is still to come: no BYE before (RFC 3261 §15). */
  byeReason: string | undefined
  /** CSeq number of our INVITE that it answered last, to acknowledge a repeated 2xx again. */
  invitedCseq: number
  /** Its 2xx has no ACK yet: that one waits for the other side's answer. */
  owesAck: boolean
  /** What the last ACK had to carry (delayed offer). */
  ackSdp: Sdp | undefined
  /** What it was told names a media session that died with another process. */
  outdated?: boolean
  /** See `reach.ts`; each process sets its own. */
  awaitedUntil?: Millis
  /** What was to be said to it has had no way since it was heard. */
  isCut?: true
  /** It was hung up on, and may be on its way back: when it is told again. */
  byeAgain?: { readonly at: Millis; readonly reason: string }
  /** It is in that call now, and so is what it answers to requests of this one. */
  movedTo?: CallId
}

/** The timer terms of an INVITE or UPDATE: headers for its 2xx and what then runs. */
export type Granted = {
  readonly headers: HeaderFields
  readonly terms: SessionTerms | undefined
}

/** A request of a peer that we have not answered finally. */
export type Pending = {
  readonly key: ServerKey
  readonly request: SipRequest
  readonly source: Source
}

/** An INVITE whose sender has no answer, as far as a successor would know. */
export type Open = Pending & {
  /** What its 2xx says, once that is to be committed. */
  readonly agreed?: { readonly sdp: Sdp | undefined; readonly granted: Granted } | undefined
  /** That is an offer: who waits for the answer that the ACK must bring. */
  readonly owesAnswerTo?: LegId | undefined
}

export type Accepted = Pick<Pending, 'request' | 'source'> & {
  /** `inherited`: another process may have had the ACK, and nothing is wrong without. */
  readonly of: 'call' | 're-offer' | 'inherited'
  /** For a successor to say the same again. */
  readonly open?: Open
  waiting: Ack2xx
  /** There was no connection to say it by. */
  isUnsaid?: boolean
  /** Its sender has had it from the process before this one, most likely: nothing waits for it. */
  isPresumed?: boolean
  readonly response: SipResponse
  /** The 2xx held an offer: who waits for the answer that the ACK must bring. */
  readonly owesAnswerTo: LegId | undefined
}

export type CallerInvite = Pending & {
  /** Its SDP; undefined when the offer is to come from the callee. */
  readonly offer: Sdp | undefined
  readonly reliable: 'no' | 'supported' | 'required'
  /** Our Contact value towards the caller. */
  readonly contact: string
  sender: ReliableSender
  /** Reliable responses by RSeq, until acknowledged. */
  readonly unacknowledged: { rseq: number; response: SipResponse; sdp: boolean }[]
  readonly faces: Face[]
  /** The 2xx waits for a PRACK (RFC 3262 §3). */
  held2xx: boolean
  readonly timer: Granted
}

export type Answering = {
  /** Who answered; the caller's own leg when a service did. */
  readonly leg: LegId
  /** To tag of the dialog. */
  readonly face: string
  readonly sdp: Sdp | undefined
  readonly at: WallTime
}

/** One early dialog as the caller sees it. */
export type Face = {
  readonly tag: string
  exchange: OfferAnswer
  dialog: Dialog | undefined
}

export type Attempt = {
  readonly purpose: 'call' | 'transfer'
  /** The To value of its INVITEs. */
  readonly to: string
  /** Devices not rung yet; the first group is next. */
  waiting: (readonly Waiting[])[]
  readonly branches: Branch[]
  /** The best refusal so far (RFC 3261 §16.7). */
  refusal: Refusal | undefined
  /** When the whole attempt is given up. */
  readonly endAt: Millis
  /** When the next group's turn comes. */
  groupEndAt: Millis
  redirects: number
  /** AORs rung or redirected to already: no call goes in circles. */
  readonly visited: string[]
  answeredBy: LegId | undefined
  /** Once decided it is kept for late 2xx and second forks, as long as they may come. */
  lingerUntil: Millis | undefined
  /** Said in the next INVITEs, newest last. */
  readonly diversions: Diversion[]
}

/** A device not rung yet, and our Contact value towards it. */
export type Waiting = { readonly target: ForkTarget; readonly contact: string }

export type Diversion = { readonly by: string; readonly to: string; readonly status: number }

/** Why a call is not answered. */
export type Refusal = {
  readonly status: number
  /** Reason phrase; undefined is the standard one. */
  readonly reason: string | undefined
  /** For the record; undefined says what the status says. */
  readonly cause: string | undefined
  readonly headers: HeaderFields
  readonly by: 'caller' | 'callee' | 'system'
}

export type Branch = {
  readonly leg: LegId
  readonly target: ForkTarget
  media: MediaId
  /** Print of the description in its INVITE. */
  told: number
  /**
   *   preparing --media made the offer--> calling --1xx--> ringing --2xx--> answered
   *                                         +--------------+--CANCEL--> cancelling --> over
   */
  state: 'preparing' | 'calling' | 'ringing' | 'cancelling' | 'answered' | 'over'
  /** What we sent. Not in the snapshot: it can be built again. */
  request: SipRequest | undefined
  /** The transaction that it went out by. */
  tx: TxId | undefined
  /** Another process sent the INVITE. */
  inherited?: boolean
  /** As of a leg. */
  outdated?: boolean
  readonly contact: string
  readonly sipCallId: string
  readonly localTag: string
  cseq: number
  readonly early: EarlyDialog[]
  /** Asked for by a 422 (RFC 4028 §7.3). */
  minSe: number | undefined
}

export type EarlyDialog = {
  dialog: Dialog
  exchange: OfferAnswer
  receiver: ReliableReceiver
  canUpdate: boolean
  sdp: Sdp | undefined
  /** RAck of the PRACK that waits for the caller's answer (delayed offer). */
  rack: string | undefined
  /** The caller's view of it; none in a transfer. */
  readonly face: Face | undefined
}

/** A REFER that we act upon. */
export type Transfer = {
  readonly kind: 'blind' | 'attended'
  /** Who asked. */
  readonly by: LegId
  /** Who is moved. */
  readonly who: LegId
  /** CSeq number of the REFER. */
  readonly cseq: number
  /** URI text. */
  readonly target: string
  /** Attended: the transferor's other dialog with us. */
  readonly replaces: Replaces | undefined
  readonly event: string
  readonly referredBy: string
  /** False: no NOTIFY is wanted (RFC 4488). */
  readonly notified: boolean
  notifier: Notifier | undefined
  /** How far it is, as a SIP status. */
  status: number
  reason: string
}

/**
 * Two answered legs that never negotiated with each other are being joined: one gets a re-INVITE
 * with what the other can do, then, if need be, the other.
 */
export type Join = {
  /** Whose turn it is. */
  readonly leg: LegId
  readonly other: LegId
  /** What the answer does to the other one may have to be offered to it. */
  readonly more: boolean
  /** Waits until the leg can take an offer; undefined while media works on it. */
  offer: Sdp | undefined
  retryAt: Millis | undefined
  /** Media has told it this already, and may wait for its answer or not: perhaps it never heard. */
  readonly repeats?: boolean
  /** Who cannot be reached is tried again until then: a call that was taken over. */
  readonly until?: Millis
  /** Media was lost over it: it begins anew when its re-INVITE is answered. */
  readonly isLost?: boolean
  /** How often the leg said 500 to it. */
  overtaken?: number
}
