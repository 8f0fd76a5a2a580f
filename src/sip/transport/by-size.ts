//! A request too big for a datagram goes by TCP instead (RFC 3261 §18.1.1), and by UDP after all
//! when nobody takes it there; who did not is not asked again for a while.
//!
//! Deviation: only requests to an address are switched. One to a flow stays on it: behind a NAT the
//! flow is the only way there is, and a fragmented datagram arrives more often than a connection.

import { Lru } from '../../base/lru.ts'
import { after, seconds, type Millis } from '../../base/time.ts'
import { request, type SipMessage, type SipRequest } from '../message/message.ts'
import { serialize } from '../message/serialize.ts'
import { formatHostPort } from '../message/uri.ts'
import { topVia } from '../message/views.ts'
import type { LocalAddress } from '../stack/sip-transport.ts'
import type { Target } from '../transaction/flow.ts'

/** Larger ones may be cut up on the way, and then a lost piece is a lost message. */
export const DATAGRAM_SAFE = 1300
const REFUSED_FOR = seconds(300)
const REMEMBERED = 4096

export type Outgoing = {
  readonly target: Target
  readonly message: SipRequest
  readonly bytes: Uint8Array
}
/** The request as it goes by TCP. */
export type Switched = Outgoing & { readonly original: Outgoing; sent: boolean }

export class BySize {
  readonly #refused = new Lru<string, Millis>(REMEMBERED)
  /** By the request as it was, for retransmissions, and as it went out, for failures. */
  readonly #byOriginal = new WeakMap<SipMessage, Switched>()
  readonly #bySwitched = new WeakMap<SipMessage, Switched>()

  /** The request as it goes by TCP; undefined when it has to go by UDP. */
  overTcp(original: Outgoing, local: LocalAddress | undefined, now: Millis): Switched | undefined {
    const { message } = original
    const { host, port } = original.target
    const known = this.#byOriginal.get(message)
    if (local === undefined || (this.#refused.get(`${host} ${port}`) ?? now) > now) return undefined
    if (known !== undefined) return known
    const sent = withVia(message, local)
    if (sent === undefined) return undefined
    const target: Target = { transport: 'tcp', host, port }
    const bytes = serialize(sent)
    const switched: Switched = { target, message: sent, bytes, original, sent: false }
    this.#byOriginal.set(message, switched)
    this.#bySwitched.set(sent, switched)
    return switched
  }

  /** What failed by TCP and must go by UDP now; undefined when it was none of these. */
  failed(message: SipMessage, now: Millis): Outgoing | undefined {
    const switched = this.#bySwitched.get(message)
    if (switched === undefined) return undefined
    const { host, port } = switched.target
    this.#refused.set(`${host} ${port}`, after(now, REFUSED_FOR))
    return switched.original
  }
}

/** A copy whose top Via names TCP and where we listen for it. */
function withVia(message: SipRequest, local: LocalAddress): SipRequest | undefined {
  const via = topVia(message)
  if (via === undefined) return undefined
  const text = `SIP/2.0/TCP ${formatHostPort(local.address, local.port)}${via.params.toString()}`
  const headers = message.headers.copy().dropFirst('via').prepend('via', text)
  return request(message.method, message.uri, headers, message.body)
}
