//! Requests within a dialog of the call: RFC 3261 §12.2.2, then by method.

import { checkRequest, receivedDialogId, refreshTarget } from '../../../src/sip/dialog/dialog.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { flat } from '../../../src/sip/message/text.ts'
import { allow } from '../../../src/sip/message/views.ts'
import { isReliable, type Source } from '../../../src/sip/transaction/flow.ts'
import { ALLOW, SUPPORTED, ACCEPT, inability } from './admission.ts'
import type { Call } from './call.ts'
import { finish } from './end.ts'
import { endpointOf, type Endpoint } from './endpoint.ts'
import { hopBack, isFromElsewhere } from './hop.ts'
import { gone, releaseEarly } from './leg.ts'
import { passOn } from './pass.ts'
import { isPrackAgain, onPrack } from './prack.ts'
import { heardFrom } from './reach.ts'
import { refusalOf } from './refusal.ts'
import { onReoffer } from './reoffer.ts'
import { CALLER, type Leg, type LegId, type Pending } from './state.ts'
import { goesOnWithout, isReferAgain, onRefer } from './transfer.ts'

export function onRequest(call: Call, pending: Pending, source: Source, proven: boolean): void {
  const { request } = pending
  const id = receivedDialogId(request)
  const end = id === undefined ? undefined : endpointOf(call, id)
  // Before anything is noted of it, its CSeq included.
  if (end !== undefined && !proven && isFromElsewhere(end.hop, source))
    return challenge(call, pending, source, end.hop.aor)
  if (end?.holder.dialog === undefined || isLeft(end)) return answerStranger(call, pending, end)
  const check = checkRequest(end.holder.dialog, request)
  if (check.kind === 'out-of-order') {
    if (isReferAgain(call, end, pending)) return call.respond(pending, 202)
    if (isPrackAgain(end, pending)) return call.respond(pending, 200)
    return call.respond(pending, 500, OUT_OF_ORDER)
  }
  end.holder.dialog = check.dialog
  const refused = inability(request, '')
  if (refused !== undefined)
    return void call.outputs.push({ kind: 'respond', key: pending.key, response: refused })
  followFlow(end, request, source)
  dispatch(call, end, pending)
}

/** Tags are no secret: they pass proxies, and whoever is called has them. */
function challenge(call: Call, pending: Pending, source: Source, aor: string | undefined): void {
  const { key, request } = pending
  if (aor === undefined) call.respond(pending, 403)
  else call.outputs.push({ kind: 'prove', key, request, source, aor })
}

const OUT_OF_ORDER = { reason: 'CSeq Out Of Order' }

function dispatch(call: Call, end: Endpoint, pending: Pending): void {
  switch (pending.request.method) {
    case 'BYE':
      return onBye(call, end, pending)
    case 'INVITE':
    case 'UPDATE':
      return onReoffer(call, end, pending)
    case 'PRACK':
      return onPrack(call, end, pending)
    case 'REFER':
      return onRefer(call, end, pending)
    case 'INFO':
    case 'MESSAGE':
      return passOn(call, end, pending)
    case 'OPTIONS':
      return call.respond(pending, 200, { headers: CAPABILITIES })
    case 'SUBSCRIBE':
      return call.respond(pending, 489)
    case 'NOTIFY':
      // We refer nobody, so there is no subscription it could belong to.
      return call.respond(pending, 481)
    default:
      return call.respond(pending, KNOWN.has(pending.request.method) ? 405 : 501, {
        headers: [['allow', ALLOW]],
      })
  }
}

const KNOWN: ReadonlySet<string> = new Set(ALLOW.split(', '))

export const CAPABILITIES = [
  ['allow', ALLOW],
  ['supported', SUPPORTED],
  ['accept', ACCEPT],
] as const

/** Of a dialog that was, or never was, ours. */
function answerStranger(call: Call, pending: Pending, end: Endpoint | undefined): void {
  const leg = end?.kind === 'leg' ? end.leg : undefined
  // Both hung up at once: ours is on its way, theirs is as good (RFC 3261 §15.1.2).
  if (leg !== undefined && pending.request.method === 'BYE') {
    call.respond(pending, 200)
    if (leg.state !== 'leaving') return
    gone(call, leg)
    releaseEarly(call, leg)
    return
  }
  call.respond(pending, 481)
}

function isLeft(end: Endpoint): boolean {
  return end.kind === 'leg' && (end.leg.state === 'leaving' || end.leg.state === 'gone')
}

/** The device came by another connection (RFC 5626 §5.3), or told a new Contact (§12.2.2). */
function followFlow(end: Endpoint, request: SipRequest, source: Source): void {
  if (end.kind !== 'leg') return
  const { leg } = end
  heardFrom(leg)
  const refreshes = request.method === 'INVITE' || request.method === 'UPDATE'
  if (refreshes) {
    if (leg.dialog !== undefined) leg.dialog = refreshTarget(leg.dialog, request)
    if (request.method === 'INVITE') knows2xx(leg)
    if (allow(request).length > 0) leg.canUpdate = allow(request).includes('UPDATE')
  }
  if (leg.dialog?.routeSet.length !== 0) return
  if (refreshes || isReliable(source.transport)) {
    const hop = hopBack(request, source, leg.hop)
    if (hop.to !== leg.hop.to || hop.address !== leg.hop.address) leg.hop = hop
  }
}

export function onRecognized(call: Call, id: LegId, device: string): void {
  const leg = call.leg(id)
  if (leg === undefined) return
  leg.hop = { ...leg.hop, device }
  call.saveLater()
}

/** It asks anew: it has had our 2xx, though its ACK was to another process. */
function knows2xx(leg: Leg): void {
  if (leg.accepted?.of === 'inherited' && leg.exchange.offer === undefined) leg.accepted = undefined
}

function onBye(call: Call, end: Endpoint, pending: Pending): void {
  call.respond(pending, 200)
  const reason = pending.request.headers.get('reason')
  const text = reason === undefined ? undefined : flat(reason)
  if (end.kind === 'early') return
  // RFC 3261 §15: a caller may end an early dialog with BYE; it is a CANCEL by another name.
  if (end.kind === 'face')
    return finish(call, { ...refusalOf(487, 'cancelled'), by: 'caller' }, text)
  const { leg } = end
  gone(call, leg)
  // Its answer is being committed: the caller gets that first, then the end (`face.ts`).
  if (call.state.phase === 'setup' && leg.peer === CALLER) return
  if (goesOnWithout(call, leg)) return
  const by = leg.side
  finish(call, { ...refusalOf(200, 'normal clearing'), by }, text)
}
