//! What a call is waiting for: what each of our requests was about, and how to go on when media,
//! store or routing have answered. Data, so that no closure outlives a step. Class: ephemeral.

import type { Millis } from '../../../src/base/time.ts'
import type { CallId } from '../../../src/control/ids.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import type { DialogId } from '../../../src/sip/dialog/dialog.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import type { Granted, LegId, Open, Pending } from './state.ts'

/** A peer's re-INVITE, UPDATE or PRACK with an offer, handed on to the other side. */
export type Serving = Open & {
  readonly from: DialogId
  /** Undefined: a service of ours answers it. */
  readonly to: DialogId | undefined
  readonly sdp: Sdp | undefined
  readonly granted: Granted
}

export type Sent =
  | { readonly kind: 'branch'; readonly branch: LegId }
  /** Tells nothing: PRACK, a BYE to a fork too many. */
  | { readonly kind: 'quiet' }
  | { readonly kind: 'bye'; readonly leg: LegId; readonly reason: string }
  /** INVITE or UPDATE on behalf of the request `serving`. */
  | {
      readonly kind: 'relayed'
      readonly serving: ServerKey
      readonly to: DialogId
      request: SipRequest | undefined
      /** See `patience.ts`. */
      until: Millis | undefined
    }
  /** Our own re-INVITE that joins two legs (transfer, pick up). */
  | {
      readonly kind: 'join'
      readonly leg: LegId
      readonly offer: Sdp
      request: SipRequest | undefined
      until: Millis | undefined
    }
  /** Our own UPDATE or re-INVITE that refreshes a session timer. */
  | {
      readonly kind: 'refresh'
      readonly leg: LegId
      request: SipRequest | undefined
      until: Millis | undefined
    }
  | { readonly kind: 'probe'; readonly leg: LegId }
  /** INFO or MESSAGE of a peer. */
  | { readonly kind: 'passed'; readonly pending: Pending; readonly to: DialogId }
  | { readonly kind: 'notify'; readonly leg: LegId }

/** What is known by its leg alone. */
export type SentInLeg = Extract<Sent, { readonly leg: LegId }>

export type Then =
  /** That the phones' descriptions name sessions that were lost is committed. */
  | { readonly kind: 'loss-saved' }
  /** The offer for a branch is made: send its INVITE. `again`: media was lost over the first. */
  | { readonly kind: 'branch-offer'; readonly branch: LegId; readonly again: boolean }
  /** A media session is there for a branch that another process rang. */
  | { readonly kind: 'branch-again'; readonly branch: LegId }
  /** The callee's description of a 18x is made over for the caller. */
  | {
      readonly kind: 'early'
      readonly early: DialogId
      readonly status: number
      readonly reason: string
      readonly reliable: boolean
      readonly offer: boolean
      /** Media was lost over the first. */
      readonly again?: boolean
    }
  /** The callee's description in the 2xx is made over for the caller. */
  | {
      readonly kind: 'answer'
      readonly leg: LegId
      readonly face: string
      /** Media was lost over the first. */
      readonly again?: boolean
    }
  /** The call is committed as one that rings. */
  | { readonly kind: 'begun-saved' }
  /** The call is committed as answered, as `answering` says. */
  | { readonly kind: 'answer-saved' }
  /** The caller's answer in its ACK is made over for the callee. `again`: after a loss. */
  | { readonly kind: 'late-answer'; readonly leg: LegId; readonly again?: boolean }
  /** A description of a reliable response is committed as acknowledged, with the answer to it. */
  | { readonly kind: 'prack-saved'; readonly pending: Pending; readonly dialog: DialogId }
  /** The one in a PRACK is. `again`: after a loss. */
  | { readonly kind: 'prack-answer'; readonly early: DialogId; readonly again?: boolean }
  /** The offer of a request being served is made over for the other side. */
  | { readonly kind: 'reoffer'; readonly serving: ServerKey }
  /** A re-INVITE is committed as one that has no answer. */
  | { readonly kind: 'reoffer-saved'; readonly serving: ServerKey }
  | { readonly kind: 'reanswer'; readonly serving: ServerKey }
  | { readonly kind: 'reanswer-saved'; readonly serving: ServerKey; readonly sdp: Sdp | undefined }
  | { readonly kind: 'service'; readonly again: boolean }
  | { readonly kind: 'rehere'; readonly serving: ServerKey }
  | { readonly kind: 'prompt' }
  | { readonly kind: 'refresh-offer'; readonly leg: LegId }
  | { readonly kind: 'refer-saved'; readonly pending: Pending }
  | { readonly kind: 'transfer-plan' }
  | { readonly kind: 'redirect-plan'; readonly branch: LegId; readonly status: number }
  | { readonly kind: 'transfer-answer'; readonly leg: LegId }
  /** What answers the offer of a transfer's target is made. `again` as above. */
  | { readonly kind: 'target-answer'; readonly leg: LegId; readonly again: boolean }
  | { readonly kind: 'taken' }
  /** The leg that another call gave is committed as ours. */
  | { readonly kind: 'taken-saved'; readonly from: CallId }
  | { readonly kind: 'join' | 'joined'; readonly leg: LegId; readonly other: LegId }
  | { readonly kind: 'transfer-saved' }
  /** The target of a transfer answered, and that is committed. */
  | { readonly kind: 'target-saved'; readonly leg: LegId }
  | { readonly kind: 'here'; readonly again: boolean }
  | { readonly kind: 'reports' }
  /** Nobody waits for this one. */
  | { readonly kind: 'nothing' }
