//! Reads that see every write acknowledged before them (dissertation §6.4): what is committed when
//! they are asked, once a later round has shown that this node was still the leader then.

import type { Leading, RaftState } from './raft-state.ts'

/** `context` comes back with the index. */
export function askRead(leading: Leading, context: number): void {
  leading.reads.push({ context, index: undefined, round: undefined })
}

/** A round has to begin for those that wait. */
export function wantsRound({ reads }: Leading): boolean {
  return reads.some(({ round }) => round === undefined)
}

/** Before a round begins: from it on, it counts. */
export function nameRound({ reads }: Leading, round: number): void {
  for (const read of reads) read.round ??= round
}

/** A leader knows what is committed once an entry of its own term is (§6.4, step 1). */
function indexReads({ log, term }: RaftState, { reads }: Leading): void {
  if (log.term(log.committed) !== term) return
  for (const read of reads) read.index ??= log.committed
}

/** Tells those that may go on. */
export function confirmReads(state: RaftState, leading: Leading): void {
  indexReads(state, leading)
  const { confirmedRound } = leading
  leading.reads = leading.reads.filter(({ context, index, round }) => {
    if (index === undefined || round === undefined) return true
    if (confirmedRound === undefined || round > confirmedRound) return true
    state.out.reads.push({ context, index })
    return false
  })
}
