//! What more than half of the voters have.

import type { NodeId } from './entry.ts'

/** The greatest value that more than half of the voters have reached. */
export function reachedByMost(voters: readonly NodeId[], of: (voter: NodeId) => number): number {
  const values = voters.map(of).sort((a, b) => b - a)
  return values[values.length >> 1] ?? 0
}

export type Tally = 'won' | 'lost' | 'open'

/** Of the votes heard so far. Nobody wins an election without voters. */
export function tally(voters: readonly NodeId[], votes: ReadonlyMap<NodeId, boolean>): Tally {
  const needed = (voters.length >> 1) + 1
  let granted = 0
  let refused = 0
  for (const voter of voters) {
    const vote = votes.get(voter)
    if (vote === true) granted++
    if (vote === false) refused++
  }
  if (granted >= needed) return 'won'
  return voters.length - refused < needed ? 'lost' : 'open'
}
