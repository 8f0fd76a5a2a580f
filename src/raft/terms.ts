//! What the term of a message means for who gets it (figure 2, rules for servers).

import type { RaftMessage } from './message.ts'
import { say, type RaftState } from './raft-state.ts'

export function isFromLeader({ kind }: RaftMessage): boolean {
  return kind === 'append' || kind === 'heartbeat' || kind === 'snapshot'
}

/** Without a leader's own wish. */
export function isVoteRequest(message: RaftMessage): boolean {
  return message.kind === 'pre-vote' || (message.kind === 'vote' && !message.asked)
}

/** Its term is one that nobody has begun. */
export function isOfLaterTerm(message: RaftMessage): boolean {
  return message.kind === 'pre-vote' || (message.kind === 'pre-vote-answer' && message.granted)
}

/** Who is behind learns of our term: a leader of an old one resigns, an asker stops asking. */
export function tellTerm(state: RaftState, message: RaftMessage): void {
  const { kind, from } = message
  if (isFromLeader(message)) say(state, from, { kind: 'heartbeat-answer', round: 0 })
  else if (kind === 'pre-vote') say(state, from, { kind: 'pre-vote-answer', granted: false })
  else if (kind === 'vote') say(state, from, { kind: 'vote-answer', granted: false })
}
