//! Calls to a service of our own: answered here, with no far side.

import type { Sdp } from '../../../src/control/media-control.ts'
import { serviceAt, type Service } from '../routing/services.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import { answerReady } from './answer.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { endpointOf } from './endpoint.ts'
import { someFace } from './face.ts'
import { isGone } from './media-loss.ts'
import type { Serving, Then } from './pending.ts'
import { reachedUntil } from './reach.ts'
import { refusalOf } from './refusal.ts'
import { completeServing, respondIn } from './reoffer.ts'
import { CALLER, type Leg } from './state.ts'

export function answerAsService(call: Call, service: Service, again = false): void {
  const { invite } = call.state
  const caller = call.leg(CALLER)
  if (caller === undefined || invite === undefined) return
  // What a service would offer by itself is not known; phones call it with an offer.
  if (invite.offer === undefined) return finish(call, refusalOf(488, 'the service needs an offer'))
  caller.service = service.number
  call.state.record.answeredBy = service.number
  sayHere(call, caller, invite.offer, { kind: 'service', again })
}

export function serviceReady(call: Call, again: boolean, result: MediaResult): void {
  if (call.state.invite === undefined) return
  const caller = call.leg(CALLER)
  const service = caller && serviceOf(caller)
  if (isGone(result) && !again && service !== undefined) return answerAsService(call, service, true)
  if (!result.ok || result.value === undefined) {
    const status = !result.ok && result.error.kind === 'sdp-rejected' ? 488 : 503
    return finish(call, refusalOf(status))
  }
  const face = someFace(call)
  if (face !== undefined) answerReady(call, { leg: CALLER, face: face.tag }, result.value)
}

/** A re-INVITE on a leg that a service answers: hold, a new codec. */
export function answerServiceAgain(call: Call, leg: Leg, serving: Serving): void {
  const from = endpointOf(call, serving.from)
  if (from === undefined) return
  if (serviceOf(leg) === undefined || serving.sdp === undefined)
    return void respondIn(call, from, serving, 488)
  call.serving.set(serving.key, serving)
  sayHere(call, leg, serving.sdp, { kind: 'rehere', serving: serving.key })
}

export function serviceAnsweredAgain(call: Call, key: ServerKey, result: MediaResult): void {
  const serving = call.serving.get(key)
  const from = serving && endpointOf(call, serving.from)
  if (serving === undefined || from === undefined) return
  if (result.ok) return completeServing(call, key, result.value)
  call.serving.delete(key)
  respondIn(call, from, serving, 488)
}

/** The service is there anew, at another place: its caller gets a re-INVITE that says so. */
export function renewService(call: Call, leg: Leg, until = reachedUntil(call)): void {
  if (serviceOf(leg) === undefined || leg.sdp === undefined)
    return finish(call, refusalOf(503, 'system restarted'))
  const turn = { leg: leg.id, other: leg.id, more: false, until }
  call.state.join = { ...turn, offer: undefined, retryAt: undefined }
  sayHere(call, leg, leg.sdp, { kind: 'join', leg: leg.id, other: leg.id })
}

/** What it answered the re-INVITE with is where the service's sound goes. */
export function serviceJoined(call: Call, leg: Leg, sdp: Sdp): void {
  const then = { kind: 'joined', leg: leg.id, other: leg.id } as const
  if (serviceOf(leg) !== undefined) sayHere(call, leg, sdp, then)
}

/** What media says to this leg by itself: its service, or nothing to hear while it is alone. */
export function sayHere(call: Call, leg: Leg, offer: Sdp, then: Then): void {
  const source = serviceOf(leg)?.source
  const request = { call: call.state.id, media: leg.media, offer, source, toward: leg.hop.address }
  call.media({ kind: 'answer-here', request }, then)
}

export function serviceOf({ service }: Leg): Service | undefined {
  return service === undefined ? undefined : serviceAt(service)
}
