//! Responses to REGISTER: RFC 3261 §10.3 step 8, RFC 5626 §6, RFC 5627 §5.2, RFC 3327 §5.3.

import type { Millis, WallTime } from '../../../src/base/time.ts'
import { formatSipDate } from '../../../src/sip/message/date.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { supported } from '../../../src/sip/message/views.ts'
import type { BindingRecord } from './binding-record.ts'
import type { Refusal } from './decide.ts'
import type { TemporaryGruus } from './gruu.ts'

export type AnswerContext = {
  readonly now: Millis
  /** As `DateHeader` has it. */
  readonly date: string
  readonly toTag: string
  readonly gruus: TemporaryGruus
}

/** How often a device that keeps a flow should show itself (RFC 5626 §4.4.1), in seconds. */
const FLOW_TIMER = '90'

/** What Date says: written once a second. */
export class DateHeader {
  #second = Number.NaN
  #text = ''

  at(wall: WallTime): string {
    const second = Math.floor(wall / 1000)
    if (second !== this.#second) this.#text = formatSipDate(wall)
    this.#second = second
    return this.#text
  }
}

/** 200, with every binding there is now. */
export function accepted(
  request: SipRequest,
  bindings: readonly BindingRecord[],
  context: AnswerContext,
): SipResponse {
  const options = supported(request)
  const headers: (readonly [string, string])[] = []
  const asksForGruu = options.includes('gruu')
  for (const binding of bindings)
    headers.push(['contact', contactOf(binding, asksForGruu, context)])
  if (options.includes('path'))
    for (const hop of request.headers.list('path')) headers.push(['path', hop])
  if (bindings.some(({ regId }) => regId !== undefined) && options.includes('outbound'))
    headers.push(['require', 'outbound'], ['flow-timer', FLOW_TIMER])
  headers.push(['date', context.date])
  return reply(request, 200, { toTag: context.toTag, headers })
}

export function refused(request: SipRequest, refusal: Refusal, toTag: string): SipResponse {
  const { status, reason, headers = [] } = refusal
  return reply(request, status, { toTag, headers, ...(reason === undefined ? {} : { reason }) })
}

function contactOf(
  binding: BindingRecord,
  asksForGruu: boolean,
  { now, gruus }: AnswerContext,
): string {
  const { contact, q, instance, regId, pubGruu, gruuId, domain } = binding
  const left = Math.max(0, Math.round((binding.expiresAt - now) / 1000))
  let text = `<${contact}>;expires=${left}`
  if (q !== 1000) text += `;q=${q / 1000}`
  if (instance === undefined) return text
  text += `;+sip.instance="<${instance}>"`
  if (regId !== undefined) text += `;reg-id=${regId}`
  if (!asksForGruu || pubGruu === undefined) return text
  return `${text};pub-gruu="${pubGruu}";temp-gruu="${gruus.make(gruuId, domain, now)}"`
}
