//! The first INVITE: from request to state, and what the plan makes of it.

import { after, millis } from '../../../src/base/time.ts'
import type { CallId, TenantId } from '../../../src/control/ids.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import { NO_EXCHANGE } from '../../../src/sip/dialog/offer-answer.ts'
import { reliableSender } from '../../../src/sip/dialog/reliable-provisional.ts'
import { judgeSessionTimer } from '../../../src/sip/dialog/session-timer.ts'
import { flat, joined } from '../../../src/sip/message/text.ts'
import {
  allow,
  callId,
  cseq,
  expires,
  replaces,
  requestUri,
  required,
  supported,
} from '../../../src/sip/message/views.ts'
import { timerPolicy } from './admission.ts'
import { announce } from './announce.ts'
import { mediaIdOf, type Call, type CallWorld } from './call.ts'
import { startAttempt } from './fork.ts'
import { hopBack } from './hop.ts'
import { passesPrivately } from './identity.ts'
import { refusalOf } from './refusal.ts'
import { finish } from './end.ts'
import { uriOf } from '../events/aor.ts'
import type { Invited } from './io.ts'
import { sdpOf } from './sdp.ts'
import { answerAsService } from './service.ts'
import {
  CALLER,
  type CallerInvite,
  type CallState,
  type Granted,
  type Leg,
  type LegId,
} from './state.ts'
import { takeOver } from './takeover.ts'

export function callStateOf(
  input: Invited,
  id: CallId,
  tenant: TenantId,
  world: CallWorld,
): CallState {
  const { request, caller, planned } = input
  const { plan } = planned
  const callee = plan.kind === 'service' ? undefined : plan.callee
  const sdp = sdpOf(request)
  return {
    id,
    tenant,
    phase: 'setup',
    record: {
      startedAt: world.wall,
      rangAt: undefined,
      answeredAt: undefined,
      endedAt: undefined,
      caller: caller.aor,
      callerName: caller.name,
      callee: callee?.aor ?? flat(plan.kind === 'service' ? plan.dialled : request.uri),
      dialled: flat(requestUri(request)?.user ?? request.uri),
      answeredBy: undefined,
      status: 0,
      cause: '',
      endedBy: 'system',
      callerSipCallId: flat(callId(request) ?? ''),
      calleeSipCallId: undefined,
      callerUserAgent: flat(request.headers.get('user-agent') ?? ''),
      calleeUserAgent: '',
      transferredFrom: undefined,
      forwardedBy: undefined,
    },
    legs: [callerLeg(input, id, sdp)],
    invite: callerInvite(input, world, sdp),
    answering: undefined,
    attempt: undefined,
    transfer: undefined,
    join: undefined,
    nextLeg: 1 as LegId,
    transfers: 0,
    absorbed: [],
    pickingUp: undefined,
    awaitsPicker: false,
    pickedUp: false,
    announcement: undefined,
  }
}

function callerLeg({ request, source, caller }: Invited, id: CallId, sdp: Sdp | undefined): Leg {
  return {
    id: CALLER,
    branch: undefined,
    party: { aor: caller.aor, name: caller.name, uri: uriOf(caller.aor) },
    hidden: passesPrivately(request),
    side: 'caller',
    state: 'setup',
    hop: hopBack(request, source, caller),
    media: mediaIdOf(id, CALLER),
    dialog: undefined,
    released: false,
    exchange: NO_EXCHANGE,
    canUpdate: allow(request).includes('UPDATE'),
    sdp,
    told: 0,
    peer: undefined,
    held: false,
    service: undefined,
    accepted: undefined,
    timer: undefined,
    probeAt: undefined,
    byeReason: undefined,
    invitedCseq: 0,
    owesAck: false,
    ackSdp: undefined,
  }
}

function callerInvite(
  { key, request, source, contact }: Invited,
  world: CallWorld,
  offer: Sdp | undefined,
): CallerInvite {
  const options = supported(request)
  const needed = required(request).includes('100rel')
  const number = cseq(request)?.number ?? 0
  return {
    key,
    request,
    source,
    offer,
    reliable: needed ? 'required' : options.includes('100rel') ? 'supported' : 'no',
    contact,
    sender: reliableSender(number, 1 + world.random.below(0x7fff_0000)),
    unacknowledged: [],
    faces: [],
    held2xx: false,
    timer: granted(request, world),
  }
}

function granted(request: Invited['request'], { config }: CallWorld): Granted {
  const verdict = judgeSessionTimer(timerPolicy(config), request, undefined)
  if (verdict.kind !== 'run') return NO_TIMER
  return { headers: verdict.headers, terms: verdict.terms }
}

const NO_TIMER: Granted = { headers: [], terms: undefined }

/** Acts on the plan. */
export function begin(call: Call, input: Invited): void {
  const { request, planned } = input
  const { plan, contacts } = planned
  const leg = call.leg(CALLER)
  if (leg === undefined) return
  call.exchanged(leg, 'remote', 'INVITE', leg.sdp !== undefined)
  call.changed(CALLER)
  const replaced = replaces(request)
  if (replaced !== undefined) return takeOver(call, replaced)
  if (plan.kind === 'service') return answerAsService(call, plan.service)
  if (plan.kind === 'refuse') {
    const refusal = refusalOf(plan.status)
    const silent = plan.status !== 480 && !call.config.promptUnknown
    return silent ? finish(call, refusal) : announce(call, plan.prompt, refusal)
  }
  const limit = expires(request)
  const ringFor = Math.min(call.config.ringTimeout, (limit ?? Infinity) * 1_000)
  startAttempt(call, {
    purpose: 'call',
    to: joined('<', uriOf(plan.callee.aor), '>'),
    plan,
    contacts,
    endAt: after(call.now, millis(ringFor)),
  })
}
