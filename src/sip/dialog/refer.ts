//! REFER, RFC 3515, with RFC 4488 (no subscription) and the sipfrag bodies that tell how the
//! referred request fares. The subscription a REFER makes by itself is a `Notifier` of the package
//! `refer` (RFC 6665); this file says what is in it.

import { NO_BODY, type SipMessage, type SipRequest } from '../message/message.ts'
import { parseReplaces } from '../message/field-values.ts'
import { flat } from '../message/text.ts'
import { formatUri, unescape, type SipUri } from '../message/uri.ts'
import { cseq, referTo } from '../message/views.ts'
import type { Replaces } from './replaces.ts'

export type Referral = {
  /** What to call, without the method and headers that the Refer-To URI may hold. */
  readonly target: SipUri
  readonly targetText: string
  /** INVITE unless the URI names another. */
  readonly method: string
  /** Attended transfer: the dialog to take over, in the eyes of who gets the INVITE. */
  readonly replaces: Replaces | undefined
  /** The Referred-By value to hand on (RFC 3892). */
  readonly referredBy: string | undefined
  /** False: `Refer-Sub: false` was asked for. Answer it likewise and send no NOTIFY (RFC 4488). */
  readonly notified: boolean
  /** The Event header of its NOTIFYs, with the REFER's CSeq as id (RFC 3515 §2.4.6). */
  readonly event: string
}

export type ReferReading =
  | { readonly kind: 'referral'; readonly referral: Referral }
  /** Answer the REFER with this status. */
  | { readonly kind: 'refuse'; readonly status: 400; readonly reason: string }

/** RFC 3515 §2.4.2: exactly one Refer-To, and one that can be read. */
export function readRefer(request: SipRequest): ReferReading {
  const count = request.headers.list('refer-to').length
  if (count !== 1) return refuse(count === 0 ? 'Missing Refer-To' : 'More Than One Refer-To')
  const address = referTo(request)
  const number = cseq(request)?.number
  if (address === undefined || number === undefined) return refuse('Malformed Refer-To')
  const { uri } = address
  const replacesText = uriHeader(uri, 'replaces')
  const replaces = replacesText === undefined ? undefined : parseReplaces(replacesText)
  if (replacesText !== undefined && replaces === undefined) return refuse('Malformed Replaces')
  const target = { ...uri, params: uri.params.without('method'), headers: undefined }
  const referredBy = request.headers.get('referred-by')
  const referSub = request.headers.get('refer-sub') ?? ''
  return {
    kind: 'referral',
    referral: {
      target,
      targetText: formatUri(target),
      method: uri.params.get('method') ?? 'INVITE',
      replaces,
      referredBy: referredBy === undefined ? undefined : flat(referredBy),
      notified: !/^false\b/i.test(referSub.trim()),
      event: `refer;id=${number}`,
    },
  }
}

export const SIPFRAG = 'message/sipfrag;version=2.0'

/** The body of a NOTIFY of the package `refer`: the status line of the referred request. */
export function sipfrag(status: number, reason: string): Uint8Array {
  return new TextEncoder().encode(`SIP/2.0 ${status} ${reason}\r\n`)
}

/** The status that a NOTIFY to our own REFER tells; undefined when its body is no sipfrag. */
export function sipfragStatus(notify: SipMessage): number | undefined {
  if (notify.body === NO_BODY) return undefined
  const start = String.fromCharCode(...notify.body.subarray(0, 16))
  const match = /^SIP\/2\.0 ([1-6]\d\d)(\D|$)/i.exec(start)
  return match === null ? undefined : Number(match[1])
}

/** One header out of the `?name=value&…` of a URI, unescaped. */
function uriHeader(uri: SipUri, wanted: string): string | undefined {
  for (const pair of uri.headers?.split('&') ?? []) {
    const equals = pair.indexOf('=')
    if (equals === -1 || pair.slice(0, equals).toLowerCase() !== wanted) continue
    const value = unescape(pair.slice(equals + 1))
    return value === undefined ? '' : flat(value)
  }
  return undefined
}

function refuse(reason: string): ReferReading {
  return { kind: 'refuse', status: 400, reason }
}
