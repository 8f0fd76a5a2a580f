//! Changes of the membership (dissertation §4).

import type { LogIndex } from './entry.ts'
import { members, objectionTo, type ChangeRefused, type Membership } from './membership.ts'
import { Progress } from './progress.ts'
import type { Leading, RaftState } from './raft-state.ts'
import { appendOne, commitWhatMostHave } from './replication.ts'

export type ChangeFailure =
  | ChangeRefused
  | 'not the leader'
  | 'office is being handed over'
  /** The last change is not committed. */
  | 'one at a time'
  /** Nothing of this term is committed: another leader's change may be under way. */
  | 'too early'
  /** A learner has to be nearly up to date before its vote may be counted on (§4.2.1). */
  | 'not caught up'

/** A learner that is behind by more than this would hold up commits if it became a voter. */
const CAUGHT_UP = 1_000

export function changeMembership(
  state: RaftState,
  wanted: Membership,
): { readonly index: LogIndex } | { readonly refused: ChangeFailure } {
  const { leading, log, term } = state
  if (leading === undefined) return { refused: 'not the leader' }
  if (leading.transfer !== undefined) return { refused: 'office is being handed over' }
  if (log.membershipIndex > log.committed) return { refused: 'one at a time' }
  if (log.term(log.committed) !== term) return { refused: 'too early' }
  const refused = objectionTo(log.membership, wanted)
  if (refused !== undefined) return { refused }
  if (!areCaughtUp(state, leading, wanted)) return { refused: 'not caught up' }
  const index = appendOne(state, { kind: 'membership', membership: wanted })
  keepProgress(state, leading)
  commitWhatMostHave(state)
  return { index }
}

function areCaughtUp({ log }: RaftState, { followers }: Leading, { voters }: Membership): boolean {
  const joining = voters.filter((id) => !log.membership.voters.includes(id))
  return joining.every((id) => log.last - (followers.get(id)?.match ?? 0) <= CAUGHT_UP)
}

/** Of every other member, and of nobody else. Who is new begins with the change itself. */
function keepProgress({ log, options }: RaftState, { followers }: Leading): void {
  const wanted = new Set(members(log.membership))
  wanted.delete(options.id)
  for (const id of followers.keys()) if (!wanted.has(id)) followers.delete(id)
  for (const id of wanted)
    if (!followers.has(id)) followers.set(id, new Progress(log.last, options.inflightMax))
}
