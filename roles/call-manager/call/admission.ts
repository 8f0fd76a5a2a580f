//! What is wrong with an INVITE before it becomes a call: RFC 3261 §8.2.2–8.2.3, §13.3.1. A call
//! that is refused here leaves no record: nothing was dialled yet.

import {
  judgeSessionTimer,
  type SessionTimerPolicy,
} from '../../../src/sip/dialog/session-timer.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { refusal, type Capabilities } from '../../../src/sip/message/validate.ts'
import { contacts } from '../../../src/sip/message/views.ts'
import type { CallConfig } from './call.ts'

export const ALLOW =
  'INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE, SUBSCRIBE, ' +
  'PUBLISH, REGISTER'
export const SUPPORTED = 'replaces, timer, 100rel, norefersub, histinfo'
const ACCEPT_TYPES = ['application/sdp', 'multipart/*']
export const ACCEPT = 'application/sdp, multipart/mixed'

/** RFC 3261 §8.2: what this element can be asked for. */
const ABLE: Capabilities = {
  schemes: ['sip', 'sips', 'tel'],
  methods: ALLOW.split(', '),
  extensions: [...SUPPORTED.split(', '), 'path', 'gruu', 'outbound', 'privacy'],
  bodies: { INVITE: ACCEPT_TYPES, UPDATE: ACCEPT_TYPES },
  answers: { INVITE: 'application/sdp' },
}

/** The answer to a request that we cannot serve, whoever sends it; undefined when we can. */
export function inability(request: SipRequest, toTag: string): SipResponse | undefined {
  const refused = refusal(request, ABLE)
  return refused && reply(request, refused.status, { toTag, ...refused })
}

/** The answer to an INVITE or UPDATE, first or within a dialog, that cannot be. */
export function objectionTo(
  request: SipRequest,
  config: CallConfig,
  toTag: string,
): SipResponse | undefined {
  return (
    inability(request, toTag) ??
    contactObjection(request, toTag) ??
    timerObjection(request, config, toTag)
  )
}

/** §8.1.1.8: an INVITE has exactly one Contact. An UPDATE without one is let through. */
function contactObjection(request: SipRequest, toTag: string): SipResponse | undefined {
  if (request.method !== 'INVITE') return undefined
  const list = contacts(request)
  if (list !== undefined && list !== '*' && list.length === 1) return undefined
  const reason = list === undefined ? 'Missing Contact' : 'More Than One Contact'
  return reply(request, 400, { toTag, reason })
}

function timerObjection(
  request: SipRequest,
  config: CallConfig,
  toTag: string,
): SipResponse | undefined {
  const verdict = judgeSessionTimer(timerPolicy(config), request, undefined)
  if (verdict.kind !== 'too-small') return undefined
  return reply(request, 422, { toTag, headers: verdict.headers })
}

/** Who can refresh besides us shall; who cannot is asked with OPTIONS (`session.ts`). */
export function timerPolicy(config: CallConfig): SessionTimerPolicy {
  return {
    interval: config.sessionExpires,
    minSe: config.minSe,
    prefer: 'remote',
    insist: false,
  }
}
