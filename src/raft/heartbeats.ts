//! Rounds of heartbeats. That most have answered a round shows that when it began this node was
//! the leader, and that nobody else will be for a while: reads, leases and staying in office all
//! rest on it (§8; dissertation §6.2 and §6.4).

import { logIndex } from './entry.ts'
import type { RaftMessage } from './message.ts'
import { reachedByMost } from './quorum.ts'
import { say, type Leading, type RaftState } from './raft-state.ts'
import { nameRound } from './reads.ts'
import { probe } from './replication.ts'
import { giveUpSilent, resendChunk } from './snapshots.ts'
import { follow } from './step-down.ts'

export function beginRound(state: RaftState, leading: Leading): void {
  giveUpSilent(state, leading)
  const round = ++state.round
  nameRound(leading, round)
  leading.open.push({ round, tick: state.ticks })
  leading.heartbeatAt = state.ticks + state.options.heartbeatTicks
  for (const [to, { match }] of leading.followers) {
    const commit = logIndex(Math.min(match, state.log.committed))
    say(state, to, { kind: 'heartbeat', round, commit })
  }
  confirm(state, leading)
}

export function onHeartbeatAnswer(
  state: RaftState,
  leading: Leading,
  { from, round }: RaftMessage & { kind: 'heartbeat-answer' },
): void {
  const progress = leading.followers.get(from)
  if (progress === undefined) return
  progress.heard(round, state.ticks)
  if (progress.sending === undefined) probe(state, from, progress)
  else resendChunk(state, from, progress, round)
  confirm(state, leading)
}

/** Which round most have answered by now. */
function confirm({ log, options, round }: RaftState, leading: Leading): void {
  const reached = reachedByMost(log.membership.voters, (id) =>
    id === options.id ? round : (leading.followers.get(id)?.round ?? 0),
  )
  for (let first = leading.open[0]; first !== undefined; first = leading.open[0]) {
    if (first.round > reached) return
    leading.confirmedRound = first.round
    leading.confirmedAt = first.tick
    leading.open.shift()
  }
}

/** A leader that most have not answered for so long may have been replaced (§6.2). */
export function resignUnlessConfirmed(state: RaftState, leading: Leading): void {
  const { ticks, options } = state
  if (ticks - leading.confirmedAt < options.electionMinTicks) return
  follow(state, state.term, undefined)
}
