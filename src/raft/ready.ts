//! What the host must do after it has given a node something, in this order:
//!
//! 1. send `early`;
//! 2. in one transaction: take over `snapshot`, store `entries` and `hardState`, apply `committed`,
//!    and make it last when `mustSync`. Chunks are written beside it;
//! 3. close what a lease keeps open when this node leads no more, or is handing over; send
//!    `messages`, answer `reads` once what they name is applied;
//! 4. call `advance`, before anything else is given to the node.
//!
//! When 2 fails the process ends: a node must not go on without knowing what is on its disk.

import type { Entry, HardState, LogIndex } from './entry.ts'
import type { RaftMessage, Snapshot } from './message.ts'

export type Ready = {
  /** When any of it has changed. */
  readonly hardState: HardState | undefined
  /** They take the place of all that is stored from the first of them on. */
  readonly entries: readonly Entry[]
  /** All chunks of it have been written: the log begins anew behind it. */
  readonly snapshot: Snapshot | undefined
  readonly chunks: readonly Chunk[]
  readonly committed: readonly Entry[]
  readonly early: readonly RaftMessage[]
  readonly messages: readonly RaftMessage[]
  readonly reads: readonly ConfirmedRead[]
  readonly mustSync: boolean
  /** A follower is behind the log, and there is no snapshot to send: make one. */
  readonly wantsSnapshot: boolean
  /**
   * The round of heartbeats in `messages`. A lease may count from the moment before they are sent;
   * it begins when `status().confirmedRound` has reached this.
   */
  readonly round: number | undefined
}

/** Whether the transaction of step 2 has anything to hold. */
export function isToStore({ hardState, entries, snapshot, committed }: Ready): boolean {
  const isChanged = hardState !== undefined || snapshot !== undefined
  return isChanged || entries.length > 0 || committed.length > 0
}

export type Chunk = {
  readonly snapshot: Snapshot
  readonly offset: number
  readonly data: Uint8Array
}

/** Whoever has applied `index` may read what was asked for under `context`. */
export type ConfirmedRead = { readonly context: number; readonly index: LogIndex }
