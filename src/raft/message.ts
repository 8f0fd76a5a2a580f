//! What nodes of one group say to each other. `term` is the sender's, but for a `pre-vote` and a
//! granted answer to it: there it is the one that the asker would begin.

import type { Entry, LogIndex, NodeId, Term } from './entry.ts'
import type { Membership } from './membership.ts'

type Addressed = { readonly from: NodeId; readonly to: NodeId; readonly term: Term }

export type RaftMessage = Addressed & Content

/** By the last entry of the asker it is judged whether its log is complete (§5.4.1). */
export type Ballot = { readonly lastIndex: LogIndex; readonly lastTerm: Term }

export type Content =
  /** Would I be elected? Nothing is promised by the answer (dissertation §9.6). */
  | ({ readonly kind: 'pre-vote' } & Ballot)
  | { readonly kind: 'pre-vote-answer'; readonly granted: boolean }
  /** `asked`: by the leader itself, so that the leader being alive is no objection (§3.10). */
  | ({ readonly kind: 'vote'; readonly asked: boolean } & Ballot)
  | { readonly kind: 'vote-answer'; readonly granted: boolean }
  | {
      readonly kind: 'append'
      readonly previousIndex: LogIndex
      readonly previousTerm: Term
      readonly entries: readonly Entry[]
      readonly commit: LogIndex
    }
  /** All up to `match` is on the sender's disk. */
  | { readonly kind: 'append-answer'; readonly match: LogIndex }
  /** The entry before was another one, or missing; the logs may agree up to `hint`. */
  | {
      readonly kind: 'append-refused'
      readonly previousIndex: LogIndex
      readonly hintIndex: LogIndex
      readonly hintTerm: Term
    }
  /** `commit` is never beyond what the receiver is known to have. */
  | { readonly kind: 'heartbeat'; readonly round: number; readonly commit: LogIndex }
  | { readonly kind: 'heartbeat-answer'; readonly round: number }
  | {
      readonly kind: 'snapshot'
      readonly snapshot: Snapshot
      readonly offset: number
      readonly data: Uint8Array
    }
  /** All bytes before `offset` have come; the next are asked for. */
  | { readonly kind: 'snapshot-answer'; readonly index: LogIndex; readonly offset: number }
  /** Campaign at once: the leader gives its office to the receiver. */
  | { readonly kind: 'timeout-now' }

/** The state after all entries up to `index`, which may be gone from the log. */
export type Snapshot = {
  readonly index: LogIndex
  readonly term: Term
  readonly membership: Membership
  /** In bytes. */
  readonly size: number
}
