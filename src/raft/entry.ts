//! What a log is made of.

import type { Brand } from '../base/brand.ts'
import type { Membership } from './membership.ts'

/** The same brand as in `src/control`: this room imports `base` only. */
export type NodeId = Brand<string, 'NodeId'>
/** Of a leader. 0 is before any. */
export type Term = Brand<number, 'Term'>
/** A place in the log. The first entry has 1. */
export type LogIndex = Brand<number, 'LogIndex'>

export const term = (value: number): Term => value as Term
export const logIndex = (value: number): LogIndex => value as LogIndex
export const next = (index: LogIndex): LogIndex => (index + 1) as LogIndex

export type Entry = {
  readonly term: Term
  readonly index: LogIndex
  readonly payload: Payload
}

export type Payload =
  /** The first of each leader: what came before it is committed with it (§5.4.2). */
  | { readonly kind: 'empty' }
  | { readonly kind: 'command'; readonly data: Uint8Array }
  /** In force from the moment it is in the log (dissertation §4.1). */
  | { readonly kind: 'membership'; readonly membership: Membership }

/** What an entry adds to a message, about, in bytes. */
export function weight({ payload }: Entry): number {
  return ENTRY_OVERHEAD + (payload.kind === 'command' ? payload.data.length : 0)
}

const ENTRY_OVERHEAD = 24

/** Must be on disk before anybody hears of it (figure 2, persistent state). */
export type HardState = {
  readonly term: Term
  readonly vote: NodeId | undefined
  /** May trail: it is found again from the leader. */
  readonly commit: LogIndex
}
