//! For followers whose next entries are gone from the log (§7, with chunks as in the
//! dissertation's §5.3). One chunk is on its way at a time, and the follower says which is next.

import type { NodeId } from './entry.ts'
import type { RaftMessage, Snapshot } from './message.ts'
import type { Progress } from './progress.ts'
import { say, sayEarly, type Leading, type RaftState } from './raft-state.ts'

/** The next chunk, unless it is on its way. */
export function sendChunk(state: RaftState, to: NodeId, progress: Progress): void {
  const { storage } = state.options
  const snapshot = storage.snapshot()
  // Behind an old one the log would have a gap.
  if (snapshot === undefined || state.log.term(snapshot.index) === undefined) {
    state.wantsSnapshot = true
    return progress.waitForSnapshot(state.round)
  }
  const isUnderWay = progress.sending?.index === snapshot.index
  const sending = isUnderWay ? progress.sending : progress.sendSnapshot(snapshot.index, state.ticks)
  const data = storage.chunk(snapshot.index, sending.offset)
  if (data === undefined) return progress.giveUpSnapshot()
  sending.sentInRound = state.round
  sending.isWhole = sending.offset + data.length >= snapshot.size
  sayEarly(state, to, { kind: 'snapshot', snapshot, offset: sending.offset, data })
}

export function onSnapshotAnswer(
  state: RaftState,
  leading: Leading,
  { from, index, offset }: RaftMessage & { kind: 'snapshot-answer' },
): void {
  const progress = leading.followers.get(from)
  if (progress?.sending === undefined || progress.sending.index !== index) return
  // That chunk is on its way already.
  if (progress.sending.offset === offset) return
  progress.sending.offset = offset
  sendChunk(state, from, progress)
}

/** It was sent before this round began, and has no answer: it is lost. */
export function resendChunk(state: RaftState, to: NodeId, progress: Progress, round: number): void {
  const { sending } = progress
  if (sending !== undefined && sending.sentInRound < round) sendChunk(state, to, progress)
}

/** For who is in the middle of a snapshot the host keeps the log: not for who is dead. */
export function giveUpSilent({ ticks, round, options }: RaftState, leading: Leading): void {
  for (const progress of leading.followers.values()) {
    const { sending } = progress
    if (sending === undefined) continue
    const patience = sending.isWhole ? options.takeOverTicks : options.silentTicks
    if (ticks - sending.heardAt >= patience) progress.waitForSnapshot(round)
  }
}

export function onSnapshot(state: RaftState, message: RaftMessage & { kind: 'snapshot' }): void {
  const { from, snapshot, offset, data } = message
  const { log } = state
  // One is about to be taken over; what is missing then is sent again.
  if (log.restoring !== undefined) return
  // What it holds is here already, entry by entry.
  if (log.term(snapshot.index) === snapshot.term) log.commitTo(snapshot.index)
  if (snapshot.index <= log.committed) {
    state.receiving = undefined
    return say(state, from, { kind: 'append-answer', match: log.committed })
  }
  const receiving = receivingOf(state, snapshot)
  if (offset === receiving.offset) {
    state.out.chunks.push({ snapshot, offset, data })
    receiving.offset += data.length
  }
  const { index } = snapshot
  if (receiving.offset < snapshot.size)
    return say(state, from, { kind: 'snapshot-answer', index, offset: receiving.offset })
  log.restore(snapshot)
  state.receiving = undefined
  say(state, from, { kind: 'append-answer', match: index })
}

function receivingOf(state: RaftState, snapshot: Snapshot): { offset: number } {
  const { receiving } = state
  const isSame =
    receiving?.snapshot.index === snapshot.index &&
    receiving.snapshot.term === snapshot.term &&
    receiving.snapshot.size === snapshot.size
  if (receiving !== undefined && isSame) return receiving
  state.receiving = { snapshot, offset: 0 }
  return state.receiving
}
