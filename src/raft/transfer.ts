//! Handing the office over (dissertation §3.10). The leader takes no more proposals, brings the
//! receiver up to date, and tells it to campaign at once. From then on it has no lease any more: a
//! message may be late, and voters will not ask whether somebody relies on them. When nobody is
//! elected it resigns, so that the late message is of a term that is over.

import type { NodeId } from './entry.ts'
import { campaign } from './election.ts'
import { isVoter } from './membership.ts'
import { say, type Leading, type RaftState } from './raft-state.ts'
import { follow } from './step-down.ts'

export type TransferRefused = 'not the leader' | 'not a voter' | 'under way'

export function beginTransfer(state: RaftState, to: NodeId): TransferRefused | undefined {
  const { leading, log, options, ticks } = state
  if (leading === undefined) return 'not the leader'
  if (to === options.id || !isVoter(log.membership, to)) return 'not a voter'
  if (leading.transfer !== undefined) return 'under way'
  leading.transfer = { to, until: ticks + options.electionMinTicks, told: false }
  handOver(state)
  return undefined
}

/** Once the receiver has all there is. */
export function handOver(state: RaftState): void {
  const { transfer, followers } = state.leading ?? {}
  if (state.leading === undefined || transfer === undefined || transfer.told) return
  if (followers?.get(transfer.to)?.match !== state.log.last) return
  state.leading.transfer = { ...transfer, told: true }
  say(state, transfer.to, { kind: 'timeout-now' })
}

/** Time is up: nothing has happened, or nobody knows. */
export function endTransfer(state: RaftState, leading: Leading): void {
  const { transfer } = leading
  if (transfer === undefined || state.ticks < transfer.until) return
  leading.transfer = undefined
  if (transfer.told) follow(state, state.term, undefined)
}

export function onTimeoutNow(state: RaftState): void {
  if (state.role !== 'leader') campaign(state, true)
}
