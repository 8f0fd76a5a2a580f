//! A follower's side of §5.3.

import { assert } from '../base/assert.ts'
import { logIndex, type LogIndex } from './entry.ts'
import type { RaftMessage } from './message.ts'
import { say, rearmElection, type RaftState } from './raft-state.ts'

/** There is a leader, and it is alive. */
export function heardLeader(state: RaftState): void {
  state.heardAt = state.ticks
  rearmElection(state)
}

export function onAppend(state: RaftState, message: RaftMessage & { kind: 'append' }): void {
  const { from, previousIndex, previousTerm, entries, commit } = message
  const { log } = state
  // A late message: what is committed agrees with every leader's log.
  if (previousIndex < log.committed)
    return say(state, from, { kind: 'append-answer', match: log.committed })
  if (log.term(previousIndex) !== previousTerm) {
    const hint = log.lastUpToTerm(min(previousIndex, log.last), previousTerm)
    const [hintIndex, hintTerm] = [hint.index, hint.term]
    return say(state, from, { kind: 'append-refused', previousIndex, hintIndex, hintTerm })
  }
  log.merge(entries)
  const match = entries.at(-1)?.index ?? previousIndex
  log.commitTo(min(commit, match))
  say(state, from, { kind: 'append-answer', match })
}

export function onHeartbeat(state: RaftState, message: RaftMessage & { kind: 'heartbeat' }): void {
  const { from, round, commit } = message
  const { log } = state
  assert(commit <= log.last, `${from} counts on entries up to ${commit}, which this node has lost`)
  log.commitTo(commit)
  say(state, from, { kind: 'heartbeat-answer', round })
}

function min(a: LogIndex, b: LogIndex): LogIndex {
  return logIndex(Math.min(a, b))
}
