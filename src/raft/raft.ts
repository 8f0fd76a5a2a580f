//! One node of one group. Pure: time is ticks, disk and network are the host's (`ready.ts`).
//!
//!     follower ──unheard for a timeout──> pre-candidate ──would win──> candidate ──wins──> leader
//!        ^                                      |                          |                 |
//!        +──────────── heard of a leader, of a later term, or lost ────────+                 |
//!        +──────────── heard of a later term, or unheard by most ────────────────────────────+

import { assert, unreachable } from '../base/assert.ts'
import { err, ok, type Result } from '../base/result.ts'
import { changeMembership, type ChangeFailure } from './change.ts'
import { campaign, onPreVote, onVote, onVoteAnswer, preCampaign } from './election.ts'
import type { LogIndex, NodeId, Term } from './entry.ts'
import { heardLeader, onAppend, onHeartbeat } from './following.ts'
import { gather } from './gather.ts'
import { beginRound, onHeartbeatAnswer, resignUnlessConfirmed } from './heartbeats.ts'
import { hasOnly, type Membership } from './membership.ts'
import type { RaftMessage } from './message.ts'
import { assertSound, type RaftOptions } from './options.ts'
import { RaftLog } from './raft-log.ts'
import { rearmElection, reliesOnUs, type RaftState, type Role } from './raft-state.ts'
import { askRead, confirmReads, wantsRound } from './reads.ts'
import type { Ready } from './ready.ts'
import {
  appendOne,
  commitWhatMostHave,
  onAppendAnswer,
  onAppendRefused,
  replicate,
} from './replication.ts'
import { onSnapshot, onSnapshotAnswer } from './snapshots.ts'
import { follow } from './step-down.ts'
import { isFromLeader, isOfLaterTerm, isVoteRequest, tellTerm } from './terms.ts'
import {
  beginTransfer,
  endTransfer,
  handOver,
  onTimeoutNow,
  type TransferRefused,
} from './transfer.ts'

export type ProposeFailure =
  | { readonly kind: 'not-leader'; readonly leader: NodeId | undefined }
  /** Too much waits for a majority. */
  | { readonly kind: 'overloaded' }

export type RaftStatus = {
  readonly id: NodeId
  readonly role: Role
  readonly term: Term
  readonly leader: NodeId | undefined
  readonly last: LogIndex
  readonly committed: LogIndex
  readonly applied: LogIndex
  readonly membership: Membership
  /**
   * Of a leader that has an entry of its own term committed and is not handing over: the newest
   * round of heartbeats that most have answered. A lease rests on when that round began.
   */
  readonly confirmedRound: number | undefined
  readonly followers: readonly FollowerStatus[]
}
export type FollowerStatus = {
  readonly id: NodeId
  readonly state: 'probe' | 'replicate' | 'snapshot'
  readonly match: LogIndex
  /** The newest round of heartbeats that it has answered. */
  readonly round: number
}

export class Raft {
  readonly #state: RaftState
  #handedOut: Ready | undefined

  constructor(options: RaftOptions) {
    assertSound(options)
    const { hardState, memberships } = options.storage.initial()
    this.#state = {
      options,
      log: new RaftLog(options.storage),
      stored: hardState,
      out: { early: [], messages: [], chunks: [], reads: [] },
      term: hardState.term,
      vote: hardState.vote,
      role: 'follower',
      leader: undefined,
      ticks: 0,
      heardAt: 0,
      electionAt: 0,
      stoodAt: 0,
      isReluctant: false,
      votes: new Map(),
      leading: undefined,
      receiving: undefined,
      wantsSnapshot: false,
      round: 0,
      toldRound: 0,
    }
    rearmElection(this.#state)
    // As far as its log goes it was never with others: nobody can have been promised anything.
    if (memberships.every(({ membership }) => hasOnly(membership, options.id)))
      campaign(this.#state, false)
  }

  /** A fixed time has gone by: never more than one at once, however late it is. */
  tick(): void {
    this.#assertAdvanced()
    const state = this.#state
    state.ticks++
    const { leading } = state
    if (leading === undefined) {
      if (state.ticks >= state.electionAt) preCampaign(state)
      return
    }
    resignUnlessConfirmed(state, leading)
    endTransfer(state, leading)
  }

  step(message: RaftMessage): void {
    this.#assertAdvanced()
    const state = this.#state
    assert(message.to === state.options.id, `a message to ${message.to}`)
    if (isVoteRequest(message) && reliesOnUs(state)) return
    if (message.term < state.term) return tellTerm(state, message)
    if (message.term > state.term && !isOfLaterTerm(message))
      follow(state, message.term, isFromLeader(message) ? message.from : undefined)
    this.#take(message)
  }

  /** Where they stand in the log, if they are committed. They are never taken in part. */
  propose(commands: readonly Uint8Array[]): Result<readonly LogIndex[], ProposeFailure> {
    this.#assertAdvanced()
    const state = this.#state
    const { leading, leader, log, options } = state
    // Who is about to hand over names nobody: ask again soon.
    if (leading === undefined) return err({ kind: 'not-leader', leader })
    if (leading.transfer !== undefined) return err({ kind: 'not-leader', leader: undefined })
    if (log.last - log.committed + commands.length > options.uncommittedMax)
      return err({ kind: 'overloaded' })
    return ok(commands.map((data) => appendOne(state, { kind: 'command', data })))
  }

  /** `context` comes back in `Ready.reads`, or never when this node loses its office. */
  readIndex(context: number): Result<void, ProposeFailure> {
    this.#assertAdvanced()
    const { leading, leader } = this.#state
    if (leading === undefined) return err({ kind: 'not-leader', leader })
    askRead(leading, context)
    return ok(undefined)
  }

  /** In force at once on this node, certain when the entry is committed. */
  change(wanted: Membership): Result<LogIndex, ChangeFailure> {
    this.#assertAdvanced()
    const outcome = changeMembership(this.#state, wanted)
    return 'index' in outcome ? ok(outcome.index) : err(outcome.refused)
  }

  /** Over when `status().leader` is another, or, after an election timeout, nobody. */
  transferTo(to: NodeId): Result<void, TransferRefused> {
    this.#assertAdvanced()
    const refused = beginTransfer(this.#state, to)
    return refused === undefined ? ok(undefined) : err(refused)
  }

  /** Stands for election before its time, unless a leader relies on it. */
  campaign(): void {
    this.#assertAdvanced()
    if (!reliesOnUs(this.#state)) preCampaign(this.#state)
  }

  /** A leader that cannot serve lets others try. */
  resign(): void {
    this.#assertAdvanced()
    if (this.#state.leading !== undefined) follow(this.#state, this.#state.term, undefined)
  }

  /** Lets the others be elected first, as long as it is told to. It votes as ever. */
  setReluctant(isReluctant: boolean): void {
    this.#assertAdvanced()
    const state = this.#state
    if (state.isReluctant === isReluctant) return
    state.isReluctant = isReluctant
    rearmElection(state)
  }

  /** What is to be done; undefined when there is nothing. To be advanced before the next. */
  ready(): Ready | undefined {
    this.#assertAdvanced()
    const state = this.#state
    if (state.leading !== undefined) this.#lead()
    this.#handedOut = gather(state)
    return this.#handedOut
  }

  /** It has been carried out. */
  advance(ready: Ready): void {
    assert(ready === this.#handedOut, 'advanced what was not handed out')
    this.#handedOut = undefined
    this.#state.stored = ready.hardState ?? this.#state.stored
    this.#state.log.advance(ready.entries.at(-1)?.index, ready.committed.at(-1)?.index)
    commitWhatMostHave(this.#state)
  }

  status(): RaftStatus {
    const { options, role, term, leader, log, leading } = this.#state
    const holdsLease =
      leading !== undefined && leading.transfer?.told !== true && log.term(log.committed) === term
    return {
      id: options.id,
      role,
      term,
      leader,
      last: log.last,
      committed: log.committed,
      applied: log.applied,
      membership: log.membership,
      confirmedRound: holdsLease ? leading.confirmedRound : undefined,
      followers: [...(leading?.followers ?? [])].map(([id, { state, match, round }]) => {
        return { id, state, match, round }
      }),
    }
  }

  /** The one after the entry at `index`, for a snapshot that is taken there. */
  membershipAt(index: LogIndex): Membership {
    return this.#state.log.membershipAt(index)
  }

  #take(message: RaftMessage): void {
    const state = this.#state
    if (isFromLeader(message)) {
      assert(state.leading === undefined, `two leaders in term ${state.term}`)
      if (state.role !== 'follower' || state.leader !== message.from)
        follow(state, state.term, message.from)
      heardLeader(state)
    }
    const { leading } = state
    switch (message.kind) {
      case 'pre-vote':
        return onPreVote(state, message)
      case 'vote':
        return onVote(state, message)
      case 'pre-vote-answer':
      case 'vote-answer':
        return onVoteAnswer(state, message)
      case 'append':
        return onAppend(state, message)
      case 'heartbeat':
        return onHeartbeat(state, message)
      case 'snapshot':
        return onSnapshot(state, message)
      case 'timeout-now':
        return onTimeoutNow(state)
      case 'append-answer':
        if (leading !== undefined) onAppendAnswer(state, leading, message)
        return handOver(state)
      case 'append-refused':
        return leading && onAppendRefused(state, leading, message)
      case 'heartbeat-answer':
        return leading && onHeartbeatAnswer(state, leading, message)
      case 'snapshot-answer':
        return leading && onSnapshotAnswer(state, leading, message)
      default:
        return unreachable(message)
    }
  }

  /** What a leader says and learns once all that has come is known. */
  #lead(): void {
    const state = this.#state
    commitWhatMostHave(state)
    const { leading } = state
    if (leading === undefined) return
    if (wantsRound(leading) || state.ticks >= leading.heartbeatAt) beginRound(state, leading)
    replicate(state, leading)
    confirmReads(state, leading)
  }

  #assertAdvanced(): void {
    assert(this.#handedOut === undefined, 'a Ready has been handed out and not advanced')
  }
}
