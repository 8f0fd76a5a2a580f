//! Messages and `Ready`s as lines of a golden script.

import type { Entry } from '../../src/raft/entry.ts'
import type { Membership } from '../../src/raft/membership.ts'
import type { RaftMessage } from '../../src/raft/message.ts'
import type { Ready } from '../../src/raft/ready.ts'

/** Of a command, in characters. */
const SHOWN = 20

export function showMessage(message: RaftMessage): string {
  return `${message.from}>${message.to} t${message.term} ${showContent(message)}`
}

function showContent(message: RaftMessage): string {
  switch (message.kind) {
    case 'pre-vote':
      return `pre-vote last ${message.lastIndex}/t${message.lastTerm}`
    case 'vote':
      return `vote${message.asked ? ' (asked)' : ''} last ${message.lastIndex}/t${message.lastTerm}`
    case 'pre-vote-answer':
    case 'vote-answer':
      return `${message.kind} ${message.granted ? 'granted' : 'refused'}`
    case 'append': {
      const { previousIndex, previousTerm, entries, commit } = message
      const shown = showEntries(entries)
      return `append after ${previousIndex}/t${previousTerm} [${shown}] commit ${commit}`
    }
    case 'append-answer':
      return `append-answer match ${message.match}`
    case 'append-refused': {
      const { previousIndex, hintIndex, hintTerm } = message
      return `append-refused after ${previousIndex}, hint ${hintIndex}/t${hintTerm}`
    }
    case 'heartbeat':
      return `heartbeat ${message.round} commit ${message.commit}`
    case 'heartbeat-answer':
      return `heartbeat-answer ${message.round}`
    case 'snapshot': {
      const { snapshot, offset, data } = message
      const { index, term, membership, size } = snapshot
      const bytes = `${offset}+${data.length} of ${size}`
      return `snapshot ${index}/t${term} {${showMembership(membership)}} bytes ${bytes}`
    }
    case 'snapshot-answer':
      return `snapshot-answer ${message.index} wants ${message.offset}`
    case 'timeout-now':
      return 'timeout-now'
  }
}

export function showEntries(entries: readonly Entry[]): string {
  return entries.map(showEntry).join(', ')
}

function showEntry({ index, term, payload }: Entry): string {
  const place = `${index}/t${term}`
  if (payload.kind === 'empty') return place
  if (payload.kind === 'membership') return `${place} {${showMembership(payload.membership)}}`
  const text = Buffer.from(payload.data).toString('utf8')
  return `${place} ${text.length > SHOWN ? `${text.slice(0, 4)}…${text.length}` : text}`
}

export function showMembership({ voters, learners }: Membership): string {
  const shown = voters.join(' ')
  return learners.length === 0 ? shown : `${shown} + ${learners.join(' ')}`
}

export function showReady(ready: Ready): readonly string[] {
  const { hardState, entries, snapshot, chunks, committed, reads, mustSync, wantsSnapshot } = ready
  const lines: string[] = []
  if (hardState !== undefined) {
    const { term, vote, commit } = hardState
    lines.push(`state t${term} vote ${vote ?? '-'} commit ${commit}`)
  }
  for (const { snapshot: of, offset, data } of chunks)
    lines.push(`chunk ${of.index} ${offset}+${data.length}`)
  if (snapshot !== undefined) lines.push(`takes over snapshot ${snapshot.index}/t${snapshot.term}`)
  if (entries.length > 0) lines.push(`stores ${showEntries(entries)}`)
  if (committed.length > 0) lines.push(`applies ${showEntries(committed)}`)
  for (const { context, index } of reads) lines.push(`read ${context} at ${index}`)
  if (wantsSnapshot) lines.push('wants a snapshot')
  if (mustSync) lines.push('fsync')
  return lines
}
