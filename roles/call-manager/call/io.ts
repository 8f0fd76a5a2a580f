//! What goes into a call machine and what comes out. All of it is data; the host carries it out.

import type { Brand } from '../../../src/base/brand.ts'
import type { Result } from '../../../src/base/result.ts'
import type { CallId } from '../../../src/control/ids.ts'
import type {
  AnswerHere,
  ConnectRequest,
  MediaFailure,
  MediaId,
  MediaReport,
  RelayOffer,
  RelayRequest,
  Sdp,
  WithdrawOffer,
} from '../../../src/control/media-control.ts'
import type { DialogId } from '../../../src/sip/dialog/dialog.ts'
import type { Replaces } from '../../../src/sip/dialog/replaces.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import type { SipUri } from '../../../src/sip/message/uri.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import type { Cdr } from '../../../src/store/schema/call.ts'
import type { RequestFailure } from '../../../src/sip/stack.ts'
import type { Plan } from '../routing/plan.ts'
import type { Unproven } from './hop.ts'
import type { SentInLeg } from './pending.ts'
import type { Hop, Leg, LegId, TxId } from './state.ts'

/** A question to the outside whose answer comes as an input. */
export type Tag = Brand<number, 'Tag'>

export type CallInput =
  | Invited
  /** Within a dialog; `key` is what to answer it by. */
  | {
      readonly kind: 'request'
      readonly key: ServerKey
      readonly request: SipRequest
      readonly source: Source
      /** The answer to `prove` was yes: it is of the leg's user, wherever it comes from. */
      readonly proven: boolean
    }
  | { readonly kind: 'ack'; readonly request: SipRequest; readonly source: Source }
  /** The leg's connection is one that this device has registered, see `deviceIdOf`. */
  | { readonly kind: 'recognized'; readonly leg: LegId; readonly device: string }
  /** The CANCEL of an INVITE that we have not answered. */
  | {
      readonly kind: 'cancel'
      readonly key: ServerKey
      readonly request: SipRequest
      readonly source: Source
    }
  | {
      readonly kind: 'response'
      readonly tx: TxId
      readonly response: SipResponse
      readonly source: Source
    }
  | { readonly kind: 'failed'; readonly tx: TxId; readonly cause: RequestFailure }
  /** Its 2xx: `isSent` when there was a connection to say it by. */
  | { readonly kind: 'answered-again'; readonly leg: LegId; readonly isSent: boolean }
  | Answered
  | { readonly kind: 'media'; readonly tag: Tag; readonly result: MediaResult }
  | { readonly kind: 'reports'; readonly tag: Tag; readonly reports: readonly MediaReport[] }
  | { readonly kind: 'played'; readonly media: MediaId }
  /** No sound came for long: is anybody there? */
  | { readonly kind: 'silent'; readonly media: MediaId }
  | { readonly kind: 'media-lost'; readonly media: MediaId }
  | { readonly kind: 'saved'; readonly tag: Tag; readonly ok: boolean }
  | { readonly kind: 'planned'; readonly tag: Tag; readonly planned: Planned }
  | Given
  /** Another call wants the peer of the leg named: its place is taken by a leg of theirs. */
  | ({ readonly kind: 'take'; readonly by: CallId; readonly tag: Tag } & Claim)
  /** Who picked up our ringing call, answered; undefined when that came to nothing. */
  | { readonly kind: 'picked-up'; readonly leg: Leg | undefined; readonly from: CallId }
  /** The call that our leg was handed over to has it, or is no more: then the leg comes back. */
  | { readonly kind: 'handed'; readonly back: Leg | undefined }
  /**
   * The first input of a call out of a snapshot; `hasLeft`: another call has its leg, and it was
   * about to end.
   */
  | { readonly kind: 'resumed'; readonly hasLeft: boolean }
  /** A 2xx that no transaction knows: of a re-INVITE that another process sent. */
  | { readonly kind: 'stray'; readonly response: SipResponse; readonly source: Source }
  /** From the console, or because the process ends. */
  | { readonly kind: 'hangup'; readonly status: number; readonly cause: string }
  | { readonly kind: 'wake' }

/** What a leg of this call was asked by the one that it came from, and what came of it. */
export type Answered = {
  readonly kind: 'answered'
  readonly dialog: DialogId
  readonly sent: SentInLeg
  readonly outcome: SipResponse | RequestFailure
}

/** The first input of every call. */
export type Invited = {
  readonly kind: 'invited'
  readonly key: ServerKey
  readonly request: SipRequest
  readonly source: Source
  readonly caller: {
    readonly aor: string
    readonly device?: string | undefined
    readonly name: string
    readonly user: string
  }
  /** Our Contact value towards the caller. */
  readonly contact: string
  readonly planned: Planned
}

/** A place in another call, and who asks for it. */
export type Claim = {
  readonly which: Replaces
  /** AOR. */
  readonly asker: string | undefined
  /** Media can answer it: who picks up what rings is answered so first. */
  readonly canBeAnswered: boolean
}

/** The answer to a `take`. */
export type Given = {
  readonly kind: 'given'
  readonly tag: Tag
  readonly outcome: Taken
  readonly from: CallId
}
export type Taken =
  | ({ readonly kind: 'leg' } & Moved)
  /** It rings, and is silenced now: answer here and hand the answered leg over. */
  | { readonly kind: 'ringing' }
  | { readonly kind: 'none'; readonly status: number; readonly reason: string }

/** `of`: the calls after which its tag and its media session may be named. */
export type Moved = { readonly leg: Leg; readonly of: readonly CallId[] }

/** A plan with our Contact value towards each target, in the order of the groups. */
export type Planned = { readonly plan: Plan; readonly contacts: readonly string[] }

export type MediaResult = Result<Sdp | undefined, MediaFailure>

export type MediaOp =
  | { readonly kind: 'relay-offer'; readonly request: RelayOffer }
  | { readonly kind: 'relay-answer'; readonly request: RelayRequest }
  | { readonly kind: 'withdraw'; readonly request: WithdrawOffer }
  | { readonly kind: 'answer-here'; readonly request: AnswerHere }
  | { readonly kind: 'connect'; readonly request: ConnectRequest }

export type CallOutput =
  | { readonly kind: 'respond'; readonly key: ServerKey; readonly response: SipResponse }
  /** A 2xx that waits for its ACK, by the way that its INVITE came or its sender has now. */
  | {
      readonly kind: 'answer-again'
      readonly leg: LegId
      readonly request: SipRequest
      readonly source: Source
      readonly hop: Hop
      readonly response: SipResponse
    }
  | {
      readonly kind: 'request'
      readonly tx: TxId
      readonly request: SipRequest
      readonly hop: Hop
      /** URI text of the next hop, for when `hop` says nothing. */
      readonly nextHop: string
    }
  /** An INVITE that another process sent under this name is ours now. */
  | {
      readonly kind: 'resume'
      readonly tx: TxId
      readonly request: SipRequest
      readonly hop: Hop
      readonly nextHop: string
    }
  /** Whoever had that INVITE says again what it answered; who had not, rings now. */
  | { readonly kind: 'repeat'; readonly tx: TxId; readonly request: SipRequest }
  | {
      readonly kind: 'ack'
      readonly request: SipRequest
      readonly hop: Hop
      readonly nextHop: string
    }
  | ({ readonly kind: 'prove' } & Unproven)
  | { readonly kind: 'cancel'; readonly tx: TxId; readonly reason: string | undefined }
  | { readonly kind: 'media'; readonly tag: Tag; readonly op: MediaOp }
  | { readonly kind: 'release'; readonly tag: Tag; readonly media: readonly MediaId[] }
  /** Propose the snapshot as it is now; with a tag the outcome is wanted. */
  | { readonly kind: 'save'; readonly tag: Tag | undefined }
  /** `as`: the user part of our Contact towards whom it finds. */
  | { readonly kind: 'plan'; readonly tag: Tag; readonly uri: SipUri; readonly as: string }
  | ({ readonly kind: 'take'; readonly tag: Tag } & Claim)
  | { readonly kind: 'give'; readonly to: CallId; readonly tag: Tag; readonly outcome: Taken }
  /** The answer to a `take` that came out as `ringing`. */
  | { readonly kind: 'picked-up'; readonly to: CallId; readonly leg: Leg | undefined }
  /** Of a leg that is in another call by now. */
  | (Answered & { readonly to: CallId })
  /** Its leg is ours, or nobody's: the call that it came from may end. */
  | { readonly kind: 'took'; readonly from: CallId }
  /** What watchers see has changed. */
  | { readonly kind: 'changed'; readonly leg: LegId }
  | { readonly kind: 'end'; readonly cdr: Cdr }
