//! What a successor does with a call that another process did not live to end. Who talks goes on
//! talking: media sessions are made anew and both phones get a re-INVITE with them, as in a join
//! (`join.ts`). Whatever cannot be gone on with is ended, with its record.
//!
//!   resumed --save, media: offer for b--> re-INVITE b --2xx--> re-INVITE a --2xx--> as before
//!      +-- nobody talks, or a phone is gone --> finish

import { after, millis } from '../../../src/base/time.ts'
import { NO_EXCHANGE } from '../../../src/sip/dialog/offer-answer.ts'
import type { Call } from './call.ts'
import { finish } from './end.ts'
import { join } from './leg.ts'
import { refusalOf } from './refusal.ts'
import { startTimer } from './session.ts'
import type { Leg } from './state.ts'

/** Phones behind connections notice, register anew, and can then be reached. */
const REACH = millis(30_000)

export function recover(call: Call): void {
  const { state } = call
  if (state.phase === 'ending' || state.phase === 'ended') return
  const pair = talking(state.legs)
  if (state.phase !== 'up' || pair === undefined)
    return finish(call, refusalOf(503, 'system restarted'))
  const [a, b] = pair
  // Whoever was being called for a transfer was called by transactions that are no more.
  state.attempt = undefined
  state.transfer = undefined
  for (const leg of pair) resume(call, leg)
  join(a, b)
  call.save(undefined)
  if (!call.config.anchor || a.sdp === undefined) return
  const turn = { leg: b.id, other: a.id, more: true, until: after(call.now, REACH) }
  state.join = { ...turn, offer: undefined, retryAt: undefined }
  const request = {
    call: state.id,
    from: a.media,
    to: b.media,
    sdp: a.sdp,
    toward: b.hop.address,
    restated: true,
  }
  call.media({ kind: 'relay-offer', request }, { kind: 'join' })
}

/** The two that talk to each other; a call may have others that are leaving. */
function talking(legs: readonly Leg[]): readonly [Leg, Leg] | undefined {
  const [a, b, more] = legs.filter(({ state }) => state === 'up')
  if (a === undefined || b === undefined || more !== undefined) return undefined
  return [a, b]
}

/** What was under way in its dialog is lost with the transactions; what was agreed holds. */
function resume(call: Call, leg: Leg): void {
  leg.exchange = { ...NO_EXCHANGE, settled: true }
  leg.accepted = undefined
  leg.owesAck = false
  leg.released = false
  leg.told = 0
  startTimer(call, leg, leg.timer)
  call.changed(leg.id)
}
