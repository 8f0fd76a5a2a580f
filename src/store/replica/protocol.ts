//! What the proposing thread and the replica's thread say to each other, in batches: a message
//! costs ten microseconds, a command inside of one costs one.

import type { FaultCode } from '../errors.ts'
import type { Command, IdempotencyKey, LogIndex } from '../store.ts'

/** Numbered by the proposer. Without a command it is a barrier: answered after all before it. */
export type Proposal = {
  readonly id: number
  readonly command: Command | undefined
  readonly key: IdempotencyKey | undefined
}

/** In the order of the proposals; `refusal` is set when the command changed nothing. */
export type Outcome = {
  readonly id: number
  readonly index: LogIndex
  readonly refusal: string | undefined
}

export type ToReplica =
  | { readonly kind: 'propose'; readonly proposals: readonly Proposal[] }
  | { readonly kind: 'close' }

export type FromReplica =
  | { readonly kind: 'opened' }
  | { readonly kind: 'outcomes'; readonly outcomes: readonly Outcome[] }
  /** The thread ends with this; nothing that was not answered before it was acknowledged. */
  | { readonly kind: 'fault'; readonly code: FaultCode; readonly message: string }
  | { readonly kind: 'closed' }

export type ReplicaSettings = {
  readonly directory: string
  readonly addon: string | undefined
}
