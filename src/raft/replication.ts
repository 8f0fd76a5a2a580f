//! The leader's side of §5.3 and §5.4: sends what followers lack, counts what they have.

import { assert } from '../base/assert.ts'
import { logIndex, next, type Entry, type LogIndex, type NodeId, type Payload } from './entry.ts'
import type { RaftMessage } from './message.ts'
import { isVoter } from './membership.ts'
import type { Progress } from './progress.ts'
import { reachedByMost } from './quorum.ts'
import { isAlone, sayEarly, type Leading, type RaftState } from './raft-state.ts'
import { sendChunk } from './snapshots.ts'
import { follow } from './step-down.ts'

/** Where it now stands. It goes to the followers with the next `Ready`. */
export function appendOne(state: RaftState, payload: Payload): LogIndex {
  const entry: Entry = { term: state.term, index: next(state.log.last), payload }
  state.log.append(entry)
  return entry.index
}

/** Everything that may go to followers now. */
export function replicate(state: RaftState, leading: Leading): void {
  for (const [id, progress] of leading.followers) {
    while (!progress.isPaused && progress.next <= state.log.last)
      if (!sendEntries(state, id, progress)) break
    if (progress.told < toldTo(state, progress)) sendNothing(state, id, progress)
  }
}

function toldTo({ log }: RaftState, { match }: Progress): LogIndex {
  return logIndex(Math.min(match, log.committed))
}

/** False when the follower is so far behind that it needs a snapshot. */
function sendEntries(state: RaftState, to: NodeId, progress: Progress): boolean {
  const { log, options } = state
  const from = progress.next
  const previousIndex = logIndex(from - 1)
  const previousTerm = log.term(previousIndex)
  if (previousTerm === undefined) {
    sendChunk(state, to, progress)
    return false
  }
  const entries = log.entriesFrom(from, options.bytesPerMessage)
  const commit = log.committed
  sayEarly(state, to, { kind: 'append', previousIndex, previousTerm, entries, commit })
  progress.sent(entries.at(-1)?.index, state.round)
  progress.told = logIndex(Math.min(commit, entries.at(-1)?.index ?? previousIndex))
  return true
}

/** An append without entries: tells what is committed, and finds out whether messages were lost. */
function sendNothing(state: RaftState, to: NodeId, progress: Progress): void {
  // Also when nothing goes: it hears of it with the next heartbeat, and is not asked for ever.
  progress.told = toldTo(state, progress)
  if (progress.sending !== undefined) return
  const previousIndex = logIndex(progress.next - 1)
  const previousTerm = state.log.term(previousIndex)
  if (previousTerm === undefined) return sendChunk(state, to, progress)
  const commit = state.log.committed
  sayEarly(state, to, { kind: 'append', previousIndex, previousTerm, entries: [], commit })
}

export function onAppendAnswer(
  state: RaftState,
  leading: Leading,
  { from, match }: RaftMessage & { kind: 'append-answer' },
): void {
  const progress = leading.followers.get(from)
  if (progress === undefined) return
  assert(match <= state.log.last, `${from} has ${match}, the leader's log ends before`)
  if (progress.accepted(match)) commitWhatMostHave(state)
}

export function onAppendRefused(
  state: RaftState,
  leading: Leading,
  { from, previousIndex, hintIndex, hintTerm }: RaftMessage & { kind: 'append-refused' },
): void {
  const progress = leading.followers.get(from)
  const agreed = state.log.lastUpToTerm(logIndex(Math.min(hintIndex, state.log.last)), hintTerm)
  progress?.refused(previousIndex, agreed.index)
}

/** A follower that answers heartbeats, but has not answered appends: were they lost? */
export function probe(state: RaftState, to: NodeId, progress: Progress): void {
  if (progress.sending !== undefined) return sendChunk(state, to, progress)
  if (progress.state === 'replicate' && progress.match < state.log.last)
    sendNothing(state, to, progress)
}

/** §5.4.2: only entries of its own term are counted; those before are committed with them. */
export function commitWhatMostHave(state: RaftState): void {
  const { log, leading, options } = state
  if (leading === undefined) return
  const reached = reachedByMost(log.membership.voters, (id) =>
    id === options.id ? ownMatch(state) : (leading.followers.get(id)?.match ?? 0),
  )
  const index = logIndex(reached)
  if (index <= log.committed || log.term(index) !== state.term) return
  log.commitTo(index)
  // §4.2.2 of the dissertation: who is not in the new membership leads until that is committed.
  const isOut = !isVoter(log.membership, options.id)
  if (isOut && log.membershipIndex <= index) follow(state, state.term, undefined)
}

/** Alone, what is stored and what is applied are one transaction: it is committed by being made. */
function ownMatch(state: RaftState): LogIndex {
  return isAlone(state) ? state.log.last : state.log.stable
}
