//! What a node knows and is; the files beside this one are what it does. Figure 2 of the paper,
//! "State", with what leases, snapshots and transfers add.

import type { HardState, LogIndex, NodeId, Term } from './entry.ts'
import type { Content, RaftMessage, Snapshot } from './message.ts'
import { hasOnly, isVoter } from './membership.ts'
import type { RaftOptions } from './options.ts'
import type { Progress } from './progress.ts'
import type { RaftLog } from './raft-log.ts'
import type { Chunk, ConfirmedRead } from './ready.ts'

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

export type RaftState = {
  readonly options: RaftOptions
  readonly log: RaftLog
  readonly out: Outbox
  /** As it is on disk. */
  stored: HardState
  term: Term
  vote: NodeId | undefined
  role: Role
  leader: NodeId | undefined
  /** Since this node began. */
  ticks: number
  /** When a leader was heard last. A node that just began may have promised something before. */
  heardAt: number
  /** When it will campaign, unless a leader is heard before. */
  electionAt: number
  /** When it stood for election last. */
  stoodAt: number
  /** It leaves office to others while there are any: it could not serve well. */
  isReluctant: boolean
  votes: Map<NodeId, boolean>
  leading: Leading | undefined
  receiving: Receiving | undefined
  wantsSnapshot: boolean
  /** The newest round of heartbeats of its own, in whatever term. */
  round: number
  /** The newest that a `Ready` has told of. */
  toldRound: number
}

/** What a leader keeps, from its election to its end. */
export type Leading = {
  /** Of all other members. */
  readonly followers: Map<NodeId, Progress>
  /** Rounds that most have not answered yet, oldest first, and when they began. */
  readonly open: Round[]
  /** The newest that most have answered: then, this node was the leader. */
  confirmedRound: number | undefined
  /** When that began; before, when most elected it. */
  confirmedAt: number
  heartbeatAt: number
  reads: PendingRead[]
  transfer: Transfer | undefined
}

export type Round = { readonly round: number; readonly tick: number }

export type PendingRead = {
  readonly context: number
  /** What was committed when it was asked; undefined before an entry of this term is committed. */
  index: LogIndex | undefined
  /** Confirmed by any round that began after it was asked; undefined until one begins. */
  round: number | undefined
}

export type Transfer = {
  readonly to: NodeId
  readonly until: number
  /** From then on the receiver may be elected at any time. */
  told: boolean
}

/** A snapshot that comes chunk by chunk. */
export type Receiving = { readonly snapshot: Snapshot; offset: number }

export type Outbox = {
  /** They promise nothing about this node's disk. */
  early: RaftMessage[]
  messages: RaftMessage[]
  chunks: Chunk[]
  reads: ConfirmedRead[]
}

/** To be said once this `Ready` is on disk. */
export function say(state: RaftState, to: NodeId, content: Content, term = state.term): void {
  state.out.messages.push({ ...content, from: state.options.id, to, term })
}

/** To be said at once. */
export function sayEarly(state: RaftState, to: NodeId, content: Content): void {
  state.out.early.push({ ...content, from: state.options.id, to, term: state.term })
}

/**
 * Also who is no voter any more by a change that is not known to be committed: nobody else may have
 * a log that the others vote for (dissertation §4.2.2). It steps down once the change is committed.
 */
export function mayCampaign({ options, log }: RaftState): boolean {
  const certain = log.membershipAt(log.committed)
  return isVoter(log.membership, options.id) || isVoter(certain, options.id)
}

export function isAlone({ options, log }: RaftState): boolean {
  return hasOnly(log.membership, options.id)
}

export function rearmElection(state: RaftState): void {
  const { electionMinTicks, electionMaxTicks, random } = state.options
  // Long enough for two elections of others in vain. It may be the only one that can win.
  const later = state.isReluctant ? 2 * electionMaxTicks : 0
  state.electionAt =
    state.ticks + electionMinTicks + later + random.below(electionMaxTicks - electionMinTicks)
}

/** A leader that this node has heard of must be able to rely on not being voted out (§9.6). */
export function reliesOnUs({ leading, ticks, heardAt, options }: RaftState): boolean {
  return leading !== undefined || ticks - heardAt < options.electionMinTicks
}
