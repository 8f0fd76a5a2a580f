//! What a REGISTER asks for, read off its Contact and Expires (RFC 3261 §10.2, §10.3). Pure.

import { millis, seconds, type Millis } from '../../../src/base/time.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import type { NameAddr } from '../../../src/sip/message/name-addr.ts'
import type { SipUri } from '../../../src/sip/message/uri.ts'
import { contacts, expires, supported } from '../../../src/sip/message/views.ts'
import type { RegistrarPolicy } from './policy.ts'

/** One contact of the request; `expiry` 0 takes it away. */
export type Wish = {
  readonly contact: string
  readonly uri: SipUri
  readonly expiry: Millis
  /** Thousandths. */
  readonly q: number
  readonly instance: string | undefined
  /** Only together with an instance and the option tag `outbound` (RFC 5626 §6). */
  readonly regId: number | undefined
}

export type Asked =
  | { readonly kind: 'fetch' }
  | { readonly kind: 'remove-all' }
  | { readonly kind: 'wishes'; readonly wishes: readonly Wish[] }
  | { readonly kind: 'too-brief' }
  | { readonly kind: 'bad'; readonly reason: string }

const CONTACT_MAX = 512

export function asked(request: SipRequest, policy: RegistrarPolicy): Asked {
  if (!request.headers.has('contact')) return { kind: 'fetch' }
  const list = contacts(request)
  const common = expires(request)
  if (list === undefined) return bad('Malformed Contact')
  if (list === '*') return common === 0 ? { kind: 'remove-all' } : bad('Wildcard without Expires 0')
  if (list.length > policy.contactsMax) return bad('Too many contacts')
  const hasOutbound = supported(request).includes('outbound')
  const wishes: Wish[] = []
  for (const each of list) {
    if (each.uriText.length > CONTACT_MAX) return bad('Contact Too Long')
    const expiry = expiryOf(each, common, policy)
    if (expiry > 0 && expiry < policy.expiryMin) return { kind: 'too-brief' }
    wishes.push({
      contact: each.uriText,
      uri: each.uri,
      expiry: millis(Math.min(expiry, policy.expiryMax)),
      q: thousandths(each.params.get('q')),
      ...deviceOf(each, hasOutbound),
    })
  }
  return { kind: 'wishes', wishes }
}

function bad(reason: string): Asked {
  return { kind: 'bad', reason }
}

/** The contact's own, else the request's, else the default; nonsense counts as absent (§20.19). */
function expiryOf(contact: NameAddr, common: number | undefined, policy: RegistrarPolicy): Millis {
  const own = contact.params.get('expires')
  const value = own === undefined ? common : wholeNumber(own)
  return value === undefined ? policy.expiryDefault : seconds(value)
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined
}

/** RFC 3261 §25.1: `0.xxx` or `1.000`; absent is 1. */
function thousandths(text: string | undefined): number {
  if (text === undefined || !/^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text)) return 1000
  return Math.round(Number(text) * 1000)
}

type Device = { readonly instance: string | undefined; readonly regId: number | undefined }

const NO_DEVICE: Device = { instance: undefined, regId: undefined }
const REG_ID_MAX = 2 ** 31 - 1

function deviceOf({ params }: NameAddr, hasOutbound: boolean): Device {
  const text = params.get('+sip.instance')
  if (text === undefined || !text.startsWith('<') || !text.endsWith('>')) return NO_DEVICE
  const instance = text.slice(1, -1)
  if (instance === '' || instance.length > 256) return NO_DEVICE
  const number = wholeNumber(params.get('reg-id') ?? '')
  const isRegId = hasOutbound && number !== undefined && number > 0 && number <= REG_ID_MAX
  return { instance, regId: isRegId ? number : undefined }
}
