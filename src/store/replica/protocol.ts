//! What the proposing thread and the replica's thread say to each other, in batches: a message
//! costs ten microseconds, a command inside of one costs one.

import type { FaultCode } from '../errors.ts'
import type { Command, IdempotencyKey } from '../store.ts'

/** Without a command it is a barrier: answered after all before it. */
export type Proposal = {
  readonly command: Command | undefined
  readonly key: IdempotencyKey | undefined
}

/** Of as many proposals as there are indexes, in the order in which they were sent. */
export type Outcomes = {
  /** Log indexes; of a barrier the last one applied. */
  readonly indexes: readonly number[]
  /** The few that changed nothing, by their place in `indexes`, and why. */
  readonly refusals: readonly Refused[]
  /** The few without an outcome in the log; their index is 0. */
  readonly failures: readonly Failed[]
}
export type Failed = {
  readonly place: number
  /** `timeout`: nobody knows whether it will be applied. */
  readonly kind: 'no-leader' | 'overloaded' | 'timeout'
}
export type Refused = { readonly place: number; readonly reason: string }

export type ToReplica =
  | { readonly kind: 'propose'; readonly proposals: readonly Proposal[] }
  | { readonly kind: 'close' }

export type FromReplica =
  | { readonly kind: 'opened' }
  | { readonly kind: 'outcomes'; readonly outcomes: Outcomes }
  /** The thread ends with this; nothing that was not answered before it was acknowledged. */
  | { readonly kind: 'fault'; readonly code: FaultCode; readonly message: string }
  | { readonly kind: 'closed' }

export type ReplicaSettings = {
  readonly directory: string
  readonly addon: string | undefined
}
