//! A media server is lost with all that it carried: another goes on.
//!
//!   talking, echo ---commit--> sessions made anew, and offered to both (`join.ts`)
//!   answered, not told yet --> the same, once the caller has its 2xx
//!   ringing -----------------> sessions made anew. Who rings cannot be told (RFC 3261 §14.1): who
//!                              answers is offered the new one behind the ACK
//!   prompt ------------------> the refusal that it announced

import { err } from '../../../src/base/result.ts'
import type { Random } from '../../../src/base/random.ts'
import type { MediaId } from '../../../src/control/media-control.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { isLive } from './fork.ts'
import { ringElsewhere } from './inherit.ts'
import { loseJoin, renewMedia } from './join.ts'
import type { Tag } from './io.ts'
import type { Then } from './pending.ts'
import { reachedUntil } from './reach.ts'
import { refuseServed } from './reoffer.ts'
import type { CallState, Leg } from './state.ts'

export function mediaLost(call: Call, media: MediaId): void {
  const { phase, announcement } = call.state
  if (phase === 'ending' || phase === 'ended') return
  if (announcement !== undefined) return finish(call, announcement.refusal)
  // One server has all sessions of a call: the first that is lost stands for them.
  if (sessionsOf(call.state).includes(media)) lose(call)
}

/** What is asked once more elsewhere when nobody answers (`again`). */
const TRIED_AGAIN: ReadonlySet<Then['kind']> = new Set([
  'branch-offer',
  'early',
  'answer',
  'late-answer',
  'prack-answer',
  'target-answer',
  'here',
  'service',
])
/** What phones have said to each other, or are to be told of each other. */
const AGREED: ReadonlySet<Then['kind']> = new Set([
  'transfer-answer',
  'reoffer',
  'reanswer',
  'rehere',
  'refresh-offer',
  'join',
  'joined',
  'nothing',
])
/** By whoever loses the sessions. */
const ASKED_AGAIN: ReadonlySet<Then['kind']> = new Set(['join', 'joined', 'branch-again'])

type Heard = { readonly about: Then; readonly result: MediaResult }

/**
 * What an answer of media is worth. Of sessions that were lost since it was asked: nothing, for
 * they were released; undefined when the loss has asked again. And a server that does not answer in
 * time may do what it was asked later, when phones have been told something else: so what it has is
 * not counted on any more.
 */
export function heardOf(
  call: Call,
  { tag, about, result }: Heard & { tag: Tag },
): Heard | undefined {
  if (call.isOfLost(tag)) {
    if (ASKED_AGAIN.has(about.kind)) return undefined
    return { about: 'again' in about ? { ...about, again: false } : about, result: LOST }
  }
  const isUnsure = !result.ok && result.error.kind === 'unreachable'
  const isFirst = TRIED_AGAIN.has(about.kind) && !('again' in about && about.again)
  const isTold = AGREED.has(about.kind) && call.state.phase === 'up' && isNews(call)
  if (isUnsure && (isFirst || isTold)) lose(call)
  return { about, result }
}

const LOST = err({ kind: 'no-session' } as const)

/** Somebody is to be told. */
function isNews({ state }: Call): boolean {
  return state.legs.some((leg) => isTold(state, leg) && leg.outdated !== true)
}

function lose(call: Call): void {
  const { attempt, join } = call.state
  const isToTell = isNews(call)
  call.loseAnswers()
  // What was asked before may make one of them anew.
  call.release(loseSessions(call.state, call.random), { kind: 'nothing' })
  for (const branch of attempt?.branches ?? [])
    if (attempt !== undefined && isLive(branch)) ringElsewhere(call, attempt, branch)
  if (join !== undefined) loseJoin(call, join)
  if (!isToTell) return
  refuseServed(call)
  // First: a successor would find sessions that live, and believe that the phones know them.
  call.save({ kind: 'loss-saved' })
}

/** What its legs and whoever rings have. */
export function sessionsOf({ legs, attempt }: CallState): readonly MediaId[] {
  const branches = attempt?.branches.filter(isLive) ?? []
  return [...legs.filter(({ released }) => !released), ...branches].map(({ media }) => media)
}

/** Of legs that have offered and answered; none while one still owes an answer. */
export function agreedOf({ phase, legs }: CallState): readonly MediaId[] {
  if (phase !== 'up' || legs.some(({ owesAck }) => owesAck)) return []
  return legs.filter(({ state, released }) => state === 'up' && !released).map(({ media }) => media)
}

/**
 * What phones were told is out of date. Their new sessions have new names: a server that was away
 * may be back with the old ones one day, and would be taken for the one that phones know. Returns
 * the old ones.
 */
export function loseSessions(state: CallState, random: Random): readonly MediaId[] {
  const lost = sessionsOf(state)
  const name = random.token(4)
  for (const leg of state.legs) {
    if (isTold(state, leg)) leg.outdated = true
    leg.media = renamed(leg.media, name)
  }
  for (const branch of state.attempt?.branches ?? []) {
    // By its INVITE, or of a delayed offer by its PRACK.
    if (branch.told !== 0 || branch.early.some(({ sdp }) => sdp !== undefined))
      branch.outdated = true
    branch.media = renamed(branch.media, name)
  }
  return lost
}

function renamed(media: MediaId, name: string): MediaId {
  const [first = media] = media.split('.')
  return `${first}.${name}` as MediaId
}

/** It has, or is about to have, a description that names the session; perhaps of a predecessor. */
function isTold({ answering, record }: CallState, { state }: Leg): boolean {
  return state === 'up' || answering !== undefined || record.answeredAt !== undefined
}

export function lossSaved(call: Call): void {
  // Who has just come from another call is told when that is committed (`joinMoved`).
  if (call.state.phase === 'up' && !call.awaits('taken-saved')) renewMedia(call, reachedUntil(call))
}

/** What was asked about is no more, or its server: what is asked again is made anew elsewhere. */
export function isGone(result: MediaResult): boolean {
  if (result.ok) return false
  return result.error.kind === 'no-session' || result.error.kind === 'unreachable'
}
