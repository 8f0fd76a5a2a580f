//! What the host has on disk, as Raft reads it. Writing is the host's, as each `Ready` says.

import type { Entry, HardState, LogIndex, Term } from './entry.ts'
import type { MembershipAt } from './membership.ts'
import type { Snapshot } from './message.ts'

export interface LogStorage {
  initial(): InitialState
  /** From `from` to `to`, both included; fewer when they weigh more than `bytesMax`, never none. */
  entries(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[]
  /** Of any entry there is, and of the one before the first; 0 for index 0. */
  term(index: LogIndex): Term | undefined
  /** Of the oldest entry there is; one more than the last when there is none. */
  first(): LogIndex
  last(): LogIndex
  /** One that can be sent now. While there is none, every `Ready` that wants one says so. */
  snapshot(): Snapshot | undefined
  /** Bytes of that snapshot; undefined when another has taken its place. */
  chunk(index: LogIndex, offset: number): Uint8Array | undefined
}

export type InitialState = {
  readonly hardState: HardState
  /** The state machine has seen all up to here. */
  readonly applied: LogIndex
  /** That of the beginning of the log, and all in it; ascending. Never none. */
  readonly memberships: readonly MembershipAt[]
}
