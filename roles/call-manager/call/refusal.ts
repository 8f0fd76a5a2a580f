//! Refusals: which of several is passed on, and what they are called in the record.

import type { SipResponse } from '../../../src/sip/message/message.ts'
import { flat } from '../../../src/sip/message/text.ts'
import type { Refusal } from './state.ts'

/** One of our own making. */
export function refusalOf(status: number, cause?: string): Refusal {
  return { status, reason: undefined, cause, headers: [], by: 'system' }
}

/** What the caller gets to see of a device's refusal. */
export function refusalFrom(response: SipResponse): Refusal {
  const { status } = response
  if (UNAVAILABLE.has(status)) return refusalOf(480)
  const headers: (readonly [string, string])[] = []
  for (const name of PASSED)
    for (const value of response.headers.all(name)) headers.push([name, flat(value)])
  return { status, reason: flat(response.reason), cause: undefined, headers, by: 'callee' }
}

/**
 * Answers that say something of the device or of our way to it, and nothing of the person: to the
 * caller they all mean that nobody is there.
 */
const UNAVAILABLE: ReadonlySet<number> = new Set([
  401, 404, 407, 408, 410, 430, 480, 481, 482, 483, 487, 500, 502, 503, 504,
])
const PASSED: readonly string[] = ['reason', 'warning', 'retry-after', 'error-info', 'unsupported']

/** RFC 3261 §16.7 step 6, a person's word before a machine's. */
export function betterRefusal(before: Refusal | undefined, next: Refusal): Refusal {
  if (before === undefined) return next
  return rank(next) < rank(before) ? next : before
}

function rank({ status }: Refusal): number {
  if (status >= 600) return 0
  if (status === 486) return 1
  if (status === 480) return 9
  return status >= 500 ? 8 : 2
}

const CAUSES: Readonly<Record<number, string>> = {
  403: 'not allowed',
  404: 'no such number',
  408: 'no answer',
  416: 'cannot be dialled',
  480: 'not available',
  481: 'lost',
  486: 'busy',
  487: 'cancelled',
  488: 'media not acceptable',
  503: 'overloaded',
  600: 'busy',
  603: 'declined',
  606: 'media not acceptable',
}

export function causeOf({ status, cause, reason }: Refusal): string {
  return cause ?? CAUSES[status] ?? reason ?? `refused with ${status}`
}

/** The Reason header of a BYE or CANCEL that tells a SIP status (RFC 3326). */
export function sipReason(status: number, text: string): string {
  return `SIP;cause=${status};text="${text.replaceAll('"', "'")}"`
}
