//! One leg of a call: joined to its peer, offered anew, acknowledged, and left.

import { after, type Millis } from '../../../src/base/time.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import { glareDelay } from '../../../src/sip/dialog/offer-answer.ts'
import { sessionTimerOffer } from '../../../src/sip/dialog/session-timer.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { ALLOW, SUPPORTED, timerPolicy } from './admission.ts'
import type { Call } from './call.ts'
import type { Moved } from './io.ts'
import type { Sent } from './pending.ts'
import { printOf, sdpBody } from './sdp.ts'
import type { Leg } from './state.ts'

/** From now on these two talk to each other. */
export function join(a: Leg, b: Leg): void {
  a.peer = b.id
  b.peer = a.id
}

/** Its 2xx made an offer, to which nobody has given an answer yet. */
export function isOwedAnswer({ owesAck, exchange }: Leg): boolean {
  return owesAck && exchange.offer !== undefined
}

/** The ACK to the leg's last 2xx; `sdp` is the answer to an offer in it. */
export function acknowledge(call: Call, leg: Leg, sdp: Sdp | undefined): void {
  leg.owesAck = false
  leg.ackSdp = sdp
  if (sdp !== undefined) leg.told = printOf(sdp)
  call.ack(leg, leg.hop, leg.invitedCseq, sdpBody(sdp))
}

/** Offers `sdp` to who has answered already. */
export function reinvite(call: Call, leg: Leg, sdp: Sdp | undefined, sent: Sent): SipRequest {
  leg.told = printOf(sdp)
  const headers = [
    ...sessionTimerOffer(timerPolicy(call.config), leg.timer),
    ['supported', SUPPORTED],
    ['allow', ALLOW],
  ] as const
  return call.request(leg, leg.hop, 'INVITE', sent, { headers, ...sdpBody(sdp) })
}

/** When to offer again what met an offer of the leg's (RFC 3261 §14.1). */
export function afterGlare(call: Call, leg: Leg): Millis {
  return after(call.now, glareDelay(leg.dialog?.role ?? 'uac', call.random))
}

/**
 * Hangs up on this leg. Whose 2xx is not acknowledged yet gets its ACK first, and who has not
 * acknowledged ours gets no BYE before it did, or never will (RFC 3261 §15).
 */
export function leave(call: Call, leg: Leg, reason: string): void {
  if (leg.state === 'gone' || leg.state === 'leaving') return
  leg.state = 'leaving'
  leg.timer = undefined
  leg.probeAt = undefined
  call.changed(leg.id)
  if (leg.owesAck) acknowledge(call, leg, undefined)
  if (!owesUsAck(leg)) sendBye(call, leg, reason)
  else leg.byeReason = reason
}

/** Until it has acknowledged our 2xx, it gets no INVITE (RFC 6141 §4). */
export function owesUsAck({ accepted }: Leg): boolean {
  return accepted !== undefined && accepted.isPresumed !== true
}

export function sendBye(call: Call, leg: Leg, reason: string): void {
  leg.byeReason = undefined
  delete leg.byeAgain
  if (leg.dialog === undefined) return
  const headers = reason === '' ? [] : ([['reason', reason]] as const)
  call.request(leg, leg.hop, 'BYE', { kind: 'bye', leg: leg.id, reason }, { headers })
}

/** The call goes on without this leg: its ports are wanted elsewhere. */
export function releaseEarly(call: Call, leg: Leg): void {
  if (call.state.phase !== 'up' || leg.released) return
  leg.released = true
  // A successor that misses one of its sessions gives up all of them.
  call.saveSoon()
  call.release([leg.media], { kind: 'nothing' })
}

/** A leg that another call gave away. Its tag still names that call, or one before. */
export function adopt(call: Call, { leg: given, of }: Moved): Leg {
  const leg: Leg = { ...given, id: call.newLegId(), branch: undefined, peer: undefined }
  const { accepted } = given
  if (accepted?.owesAnswerTo !== undefined) {
    // Whoever waits for the answer in its ACK is not here, and media does not hear it either.
    leg.accepted = { ...accepted, owesAnswerTo: undefined }
    leg.outdated = true
  }
  call.state.legs.push(leg)
  call.state.absorbed.push(...of)
  return leg
}

/** The peer hung up, or its dialog is known to be no more. */
export function gone(call: Call, leg: Leg): void {
  leg.state = 'gone'
  leg.timer = undefined
  leg.probeAt = undefined
  leg.accepted = undefined
  leg.byeReason = undefined
  delete leg.byeAgain
  call.changed(leg.id)
}
