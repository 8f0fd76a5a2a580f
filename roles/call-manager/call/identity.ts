//! Who the callee sees: RFC 3323, RFC 3325. The identity we assert is the one that authenticated;
//! what a phone claims of itself beyond that (P-Asserted-Identity, P-Preferred-Identity) is never
//! passed on.

import type { Headers } from '../../../src/sip/message/headers.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { formatNameAddr, nameAddr } from '../../../src/sip/message/name-addr.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import { from, privacy } from '../../../src/sip/message/views.ts'
import type { Directory, Extension } from '../directory.ts'
import { partsOf } from '../events/aor.ts'
import type { Leg, Party } from './state.ts'

const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
const HIDING: ReadonlySet<string> = new Set(['id', 'user', 'header'])

/** The caller asked not to be named: by Privacy, or by an anonymous From (RFC 3323 §4.1). */
export function passesPrivately(request: SipRequest): boolean {
  if (privacy(request).length > 0) return asksForPrivacy(request)
  return from(request)?.uri.host === 'anonymous.invalid'
}

export function asksForPrivacy(message: SipRequest | SipResponse): boolean {
  return privacy(message).some((value) => HIDING.has(value))
}

/** Whose name our Contact bears when somebody is called on this leg's behalf. */
export function contactName(leg: Leg | undefined): string {
  return leg?.party.aor === undefined || leg.hidden ? 'anonymous' : partsOf(leg.party.aor).user
}

/** From, and for who does not hide: P-Asserted-Identity. */
export function addIdentity(
  headers: Headers,
  party: Party,
  tag: string,
  hidden: boolean,
  incoming: SipRequest | undefined,
): void {
  if (hidden) {
    headers.add('from', `${ANONYMOUS};tag=${tag}`)
    headers.add('privacy', 'id')
    return
  }
  const name = party.name === '' ? incoming && from(incoming)?.displayName : party.name
  const address = addressOf({ ...party, name: name ?? '' })
  headers.add('from', `${address};tag=${tag}`)
  headers.add('p-asserted-identity', address)
}

/** `"Name" <uri>` of a party. */
export function addressOf(party: Party): string {
  const uri = parseUri(party.uri)
  return uri === undefined ? `<${party.uri}>` : formatNameAddr(nameAddr(uri, party.name))
}

/** True when the From of a request is the authenticated user, or hides who it is. */
export function speaksFor(
  request: SipRequest,
  { user, tenant }: Extension,
  directory: Pick<Directory, 'tenantOf'>,
): boolean {
  const uri = from(request)?.uri
  if (uri === undefined) return false
  if (uri.host === 'anonymous.invalid') return true
  return uri.user === user && directory.tenantOf(uri.host)?.id === tenant
}
