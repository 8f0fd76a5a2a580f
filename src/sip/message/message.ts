//! A SIP message as a value: RFC 3261 §7. Strings are bytes, see `text.ts`.

import type { Headers } from './headers.ts'
import { reasonPhrase } from './reasons.ts'

export type { HeaderName } from './header-name.ts'

/** `INVITE`, …; case counts, unknown ones are allowed. */
export type Method = string

export type SipRequest = {
  readonly kind: 'request'
  readonly method: Method
  readonly uri: string
  readonly headers: Headers
  readonly body: Uint8Array
}

export type SipResponse = {
  readonly kind: 'response'
  readonly status: number
  readonly reason: string
  readonly headers: Headers
  readonly body: Uint8Array
}

export type SipMessage = SipRequest | SipResponse

export const NO_BODY: Uint8Array = new Uint8Array(0)

export function request(
  method: Method,
  uri: string,
  headers: Headers,
  body: Uint8Array = NO_BODY,
): SipRequest {
  return { kind: 'request', method, uri, headers, body }
}

/** Without a reason it gets the status code's standard phrase. */
export function response(
  status: number,
  reason: string | undefined,
  headers: Headers,
  body: Uint8Array = NO_BODY,
): SipResponse {
  return { kind: 'response', status, reason: reason ?? reasonPhrase(status), headers, body }
}
