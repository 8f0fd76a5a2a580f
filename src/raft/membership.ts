//! Who takes part. One change at a time, and of one voter at most: then any two majorities, of the
//! old members and of the new ones, overlap (dissertation §4.1).

import type { LogIndex, NodeId } from './entry.ts'

export type Membership = {
  readonly voters: readonly NodeId[]
  /** Receive the log, and count for nothing. */
  readonly learners: readonly NodeId[]
}

export const NOBODY: Membership = { voters: [], learners: [] }

export function isVoter({ voters }: Membership, id: NodeId): boolean {
  return voters.includes(id)
}

/** Nobody else votes. */
export function hasOnly({ voters }: Membership, id: NodeId): boolean {
  return voters.length === 1 && voters[0] === id
}

export function members({ voters, learners }: Membership): readonly NodeId[] {
  return [...voters, ...learners]
}

/** Which memberships the log holds; the last is in force, committed or not. */
export type MembershipAt = { readonly index: LogIndex; readonly membership: Membership }

export type ChangeRefused =
  | 'two voters at once'
  | 'nothing changes'
  | 'no voter would be left'
  | 'a voter and a learner'
  | 'a voter was no learner before'

/** Undefined when `wanted` may follow `current`. */
export function objectionTo(current: Membership, wanted: Membership): ChangeRefused | undefined {
  if (wanted.voters.length === 0) return 'no voter would be left'
  const all = members(wanted)
  if (new Set(all).size !== all.length) return 'a voter and a learner'
  const joined = missingFrom(current.voters, wanted.voters)
  const left = missingFrom(wanted.voters, current.voters)
  if (joined.length + left.length > 1) return 'two voters at once'
  if (missingFrom(current.learners, joined).length > 0) return 'a voter was no learner before'
  const isSame = joined.length + left.length === 0 && sameSet(current.learners, wanted.learners)
  return isSame ? 'nothing changes' : undefined
}

function missingFrom(these: readonly NodeId[], of: readonly NodeId[]): readonly NodeId[] {
  return of.filter((id) => !these.includes(id))
}

function sameSet(these: readonly NodeId[], those: readonly NodeId[]): boolean {
  return missingFrom(these, those).length + missingFrom(those, these).length === 0
}
