//! §5.2, with pre-votes (dissertation §9.6): a node that cannot win does not disturb.

import { next, type NodeId, type Term } from './entry.ts'
import { members } from './membership.ts'
import type { RaftMessage } from './message.ts'
import { Progress } from './progress.ts'
import { tally } from './quorum.ts'
import { mayCampaign, rearmElection, say, type Leading, type RaftState } from './raft-state.ts'
import { appendOne, commitWhatMostHave } from './replication.ts'
import { follow } from './step-down.ts'

type PreVote = RaftMessage & { readonly kind: 'pre-vote' }

/** Asks whether it would be elected, and only then stands for election. */
export function preCampaign(state: RaftState): void {
  if (!mayCampaign(state)) {
    state.leader = undefined
    return rearmElection(state)
  }
  stand(state, 'pre-candidate')
  const term = nextTerm(state)
  const { ballot } = state.log
  for (const voter of rivals(state)) say(state, voter, { kind: 'pre-vote', ...ballot }, term)
  count(state)
}

/** `asked`: the leader wants it, so voters need not stand by it. */
export function campaign(state: RaftState, asked: boolean): void {
  if (!mayCampaign(state)) return
  state.term = nextTerm(state)
  state.vote = state.options.id
  stand(state, 'candidate')
  const { ballot } = state.log
  for (const voter of rivals(state)) say(state, voter, { kind: 'vote', asked, ...ballot })
  count(state)
}

function stand(state: RaftState, role: 'pre-candidate' | 'candidate'): void {
  state.role = role
  state.leader = undefined
  state.leading = undefined
  state.votes = new Map([[state.options.id, true]])
  state.stoodAt = state.ticks
  rearmElection(state)
}

/** Every voter but this node. */
function rivals({ options, log }: RaftState): readonly NodeId[] {
  return log.membership.voters.filter((id) => id !== options.id)
}

function nextTerm({ term }: RaftState): Term {
  return (term + 1) as Term
}

/** Of a term that is as new as ours, and nobody relies on our not voting. */
export function onVote(state: RaftState, message: RaftMessage & { kind: 'vote' }): void {
  const { from, term } = message
  const isFree = state.vote === from || (state.vote === undefined && state.leader === undefined)
  const granted = isFree && state.log.isNoNewerThan(message)
  if (granted) {
    state.vote = from
    rearmElection(state)
  }
  say(state, from, { kind: 'vote-answer', granted }, term)
}

export function onPreVote(state: RaftState, message: PreVote): void {
  const { from, term } = message
  const isElectable = wouldVote(state, from, term) && state.log.isNoNewerThan(message)
  const granted = isElectable && !goesFirst(state, message)
  say(state, from, { kind: 'pre-vote-answer', granted }, granted ? term : state.term)
}

function wouldVote({ term, vote, leader }: RaftState, from: NodeId, asked: Term): boolean {
  return asked > term || vote === from || (vote === undefined && leader === undefined)
}

/**
 * Of two who ask at once, and may both be elected, this is the first by its id. Let go on together
 * each would have its own vote, and both would wait for another timeout. Only for as long as its
 * own question takes: nobody may hear it.
 */
function goesFirst(state: RaftState, { from, term, lastIndex, lastTerm }: PreVote): boolean {
  const { role, ticks, stoodAt, options, log } = state
  if (role !== 'pre-candidate' || ticks - stoodAt > options.heartbeatTicks) return false
  const isAsFar = lastTerm === log.lastTerm && lastIndex === log.last
  return isAsFar && term === nextTerm(state) && options.id < from
}

export function onVoteAnswer(
  state: RaftState,
  message: RaftMessage & { kind: 'vote-answer' | 'pre-vote-answer' },
): void {
  const wanted = message.kind === 'vote-answer' ? 'candidate' : 'pre-candidate'
  if (state.role !== wanted) return
  if (!state.votes.has(message.from)) state.votes.set(message.from, message.granted)
  count(state)
}

function count(state: RaftState): void {
  switch (tally(state.log.membership.voters, state.votes)) {
    case 'won':
      return state.role === 'candidate' ? lead(state) : campaign(state, false)
    case 'lost':
      return follow(state, state.term, undefined)
    case 'open':
      return
  }
}

function lead(state: RaftState): void {
  const { options, log, ticks } = state
  const followers = new Map<NodeId, Progress>()
  for (const id of members(log.membership))
    if (id !== options.id) followers.set(id, new Progress(next(log.last), options.inflightMax))
  const leading: Leading = {
    followers,
    open: [],
    confirmedRound: undefined,
    confirmedAt: ticks,
    heartbeatAt: ticks,
    reads: [],
    transfer: undefined,
  }
  state.role = 'leader'
  state.leader = options.id
  state.leading = leading
  state.receiving = undefined
  state.votes.clear()
  appendOne(state, { kind: 'empty' })
  commitWhatMostHave(state)
}
