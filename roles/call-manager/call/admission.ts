//! What is wrong with an INVITE before it becomes a call: RFC 3261 §8.2.2–8.2.3, §13.3.1. A call
//! that is refused here leaves no record: nothing was dialled yet.

import {
  judgeSessionTimer,
  type SessionTimerPolicy,
} from '../../../src/sip/dialog/session-timer.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import {
  contacts,
  contentDisposition,
  contentType,
  required,
} from '../../../src/sip/message/views.ts'
import type { CallConfig } from './call.ts'

export const ALLOW =
  'INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE, SUBSCRIBE, ' +
  'PUBLISH, REGISTER'
export const SUPPORTED = 'replaces, timer, 100rel, norefersub, histinfo'
export const ACCEPT = 'application/sdp, multipart/mixed'

const UNDERSTOOD: ReadonlySet<string> = new Set([
  ...SUPPORTED.split(', '),
  'path',
  'gruu',
  'outbound',
  'privacy',
])

/** The answer to an INVITE or UPDATE (first or within a dialog) that cannot be; undefined when it can. */
export function objectionTo(
  request: SipRequest,
  config: CallConfig,
  toTag: string,
): SipResponse | undefined {
  return (
    unsupportedIn(request, toTag) ??
    bodyObjection(request, toTag) ??
    contactObjection(request, toTag) ??
    timerObjection(request, config, toTag)
  )
}

/** 420 to a Require that names what we do not know. */
export function unsupportedIn(request: SipRequest, toTag: string): SipResponse | undefined {
  const wanted = required(request)
  if (wanted.length === 0) return undefined
  const strange = wanted.filter((option) => !UNDERSTOOD.has(option))
  if (strange.length === 0) return undefined
  return reply(request, 420, { toTag, headers: [['unsupported', strange.join(', ')]] })
}

/** 415 to a body that must be understood and is not. */
export function bodyObjection(request: SipRequest, toTag: string): SipResponse | undefined {
  if (request.body.length === 0) return undefined
  const encoding = request.headers.get('content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    return reply(request, 415, { toTag, headers: [['accept-encoding', 'identity']] })
  const type = contentType(request)
  if (type?.type === 'multipart') return undefined
  if (type?.type === 'application' && type.subtype === 'sdp') return undefined
  if (contentDisposition(request)?.params.get('handling') === 'optional') return undefined
  return reply(request, 415, { toTag, headers: [['accept', ACCEPT]] })
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

/** Whoever can refresh besides us shall; who cannot is asked with OPTIONS instead (`session.ts`). */
export function timerPolicy(config: CallConfig): SessionTimerPolicy {
  return {
    interval: config.sessionExpires,
    minSe: config.minSe,
    prefer: 'remote',
    insist: false,
  }
}
