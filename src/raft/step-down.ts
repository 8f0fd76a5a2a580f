//! Becoming a follower, from whatever a node was.

import { assert } from '../base/assert.ts'
import type { NodeId, Term } from './entry.ts'
import { rearmElection, type RaftState } from './raft-state.ts'

/** Takes `term` for its own, and this leader where one is known. */
export function follow(state: RaftState, term: Term, leader: NodeId | undefined): void {
  assert(term >= state.term, 'a term does not go back')
  if (term > state.term) {
    state.term = term
    state.vote = undefined
    state.receiving = undefined
  }
  // It is one of those that its own lease rests on.
  if (state.leading !== undefined) state.heardAt = state.ticks
  const wasFollower = state.role === 'follower'
  state.role = 'follower'
  state.leader = leader
  state.leading = undefined
  state.votes.clear()
  if (!wasFollower) rearmElection(state)
}
