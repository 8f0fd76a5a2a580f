//! A media server is lost with all that it carried: another goes on.
//!
//!   talking, echo ---commit--> sessions made anew, and offered to both (`join.ts`)
//!   answered, not told yet --> the same, once the caller has its 2xx
//!   ringing -----------------> sessions made anew. Who rings cannot be told (RFC 3261 §14.1): who
//!                              answers is offered the new one behind the ACK
//!   prompt ------------------> the refusal that it announced

import type { MediaId } from '../../../src/control/media-control.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { isLive } from './fork.ts'
import { ringElsewhere } from './inherit.ts'
import { loseJoin, reachedUntil, renewMedia } from './join.ts'
import { refuseServed } from './reoffer.ts'
import type { CallState, Leg } from './state.ts'

export function mediaLost(call: Call, media: MediaId): void {
  const { phase, announcement, attempt, legs, join } = call.state
  if (phase === 'ending' || phase === 'ended') return
  if (announcement !== undefined) return finish(call, announcement.refusal)
  const branch = attempt?.branches.find((each) => each.media === media && isLive(each))
  if (branch !== undefined && attempt !== undefined) ringElsewhere(call, attempt, branch)
  if (join !== undefined) loseJoin(call, join)
  // One server has all sessions of a call: the first that is lost stands for them.
  const cut = legs.filter((leg) => isTold(call.state, leg) && leg.outdated !== true)
  if (cut.length === 0) return
  for (const leg of cut) leg.outdated = true
  refuseServed(call)
  // First: a successor would find sessions that live, and believe that the phones know them.
  call.save({ kind: 'loss-saved' })
}

/** It has, or is about to have, a description that names the session. */
function isTold({ answering }: CallState, { state }: Leg): boolean {
  return state === 'up' || answering !== undefined
}

export function lossSaved(call: Call): void {
  if (call.state.phase === 'up') renewMedia(call, reachedUntil(call))
}

/** What was asked about is no more, or its server: what is asked again is made anew elsewhere. */
export function isGone(result: MediaResult): boolean {
  if (result.ok) return false
  return result.error.kind === 'no-session' || result.error.kind === 'unreachable'
}
