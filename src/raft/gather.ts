//! Puts together what the host has to do next.

import type { HardState } from './entry.ts'
import type { Ready } from './ready.ts'
import { isAlone, type RaftState } from './raft-state.ts'

/** Undefined when there is nothing. What it holds is not in `state.out` any more. */
export function gather(state: RaftState): Ready | undefined {
  const { log, out, options, wantsSnapshot, round, toldRound } = state
  const hardState = changedHardState(state)
  const promises = hardState !== undefined && isPromise(hardState, state.stored)
  // No term is begun before it is stored, and nothing is committed that rests on this disk alone.
  const mayBeEarly = !promises && !isAlone(state) && log.committed <= log.stable
  const entries = log.unstable
  const snapshot = log.restoring
  const ready: Ready = {
    hardState,
    entries,
    snapshot,
    chunks: out.chunks,
    committed: log.unapplied(options.bytesPerMessage),
    early: mayBeEarly ? out.early : [],
    messages: mayBeEarly ? out.messages : [...out.early, ...out.messages],
    reads: out.reads,
    mustSync: entries.length > 0 || snapshot !== undefined || promises,
    wantsSnapshot,
    round: round > toldRound ? round : undefined,
  }
  if (isEmpty(ready)) return undefined
  state.toldRound = round
  state.wantsSnapshot = false
  Object.assign(out, { early: [], messages: [], chunks: [], reads: [] })
  return ready
}

function isEmpty(ready: Ready): boolean {
  const { hardState, snapshot, wantsSnapshot, round } = ready
  // A round begins also when there is nobody to send it to: leases count from it.
  if (hardState !== undefined || round !== undefined) return false
  if (snapshot !== undefined || wantsSnapshot) return false
  const { entries, committed, chunks, early, messages, reads } = ready
  return [entries, committed, chunks, early, messages, reads].every((each) => each.length === 0)
}

function changedHardState({ term, vote, log, stored }: RaftState): HardState | undefined {
  const { committed: commit } = log
  const isSame = term === stored.term && vote === stored.vote && commit === stored.commit
  return isSame ? undefined : { term, vote, commit }
}

/** What is committed is found again; a term and a vote are not. */
function isPromise({ term, vote }: HardState, stored: HardState): boolean {
  return term !== stored.term || vote !== stored.vote
}
