//! Where the devices of an AOR are reached, now: the location service (RFC 3261 §10) in memory.
//! The registrar keeps it.

import type { Subscribe } from '../../src/base/host.ts'
import type { Millis } from '../../src/base/time.ts'
import { parseUri, type SipUri } from '../../src/sip/message/uri.ts'
import {
  isReliable,
  type FlowId,
  type Source,
  type Target,
  type TransportName,
} from '../../src/sip/transaction/flow.ts'

export type Binding = {
  readonly aor: string
  /** The contact's URI as registered: the Request-URI of what is sent to it. */
  readonly contact: string
  /** Parsed anew at every asking: ask once. */
  readonly uri: SipUri
  /** Thousandths: 0 to 1000. */
  readonly q: number
  /** `urn:uuid:…`, without quotes and brackets. */
  readonly instance: string | undefined
  readonly regId: number | undefined
  /**
   * Down which flow, when there is one: always to be preferred to `target` (RFC 5626 §5.3).
   * Undefined after a restart, when only the address is known.
   */
  readonly flow: FlowId | undefined
  /** The device's address as seen from here, or that of the proxy that sent us its REGISTER. */
  readonly target: Target
  /** Route set towards the device, first hop first (RFC 3327); goes into Route headers. */
  readonly path: readonly string[]
  readonly transport: TransportName
  readonly behindNat: boolean
  /** False while it waits for a connection that only the device can make. */
  readonly reachable: boolean
  readonly userAgent: string
  readonly callId: string
  readonly cseq: number
  readonly registeredAt: Millis
  readonly expiresAt: Millis
  /** `sip:user@domain;gr=…` when the device registered an instance (RFC 5627). */
  readonly pubGruu: string | undefined
}

export type LocationChange = {
  readonly aor: string
  readonly contact: string
  /** `reached` and `lost`: the binding stays, its connection came or went. */
  readonly event: 'registered' | 'unregistered' | 'expired' | 'reached' | 'lost'
}

export interface Location {
  /**
   * Contacts that can be reached, highest q first, then newest first. Of several flows of one
   * instance only the newest live one (RFC 5626 §5.3).
   */
  lookup(aor: string): readonly Binding[]
  /** All bindings of the AOR, those included that wait for their device to connect again. */
  bindings(aor: string): readonly Binding[]
  /** Every live flow of the one instance that a GRUU of ours stands for, newest first. */
  byGruu(uri: SipUri): readonly Binding[]
  /** Every AOR with bindings, for the console. */
  aors(): Iterable<string>
  /** Number of bindings. */
  readonly size: number
  readonly changed: Subscribe<LocationChange>
}

/**
 * What tells a device from others of its AOR when its Contact is another one: its instance (RFC
 * 5626 §4.1), or else the Call-ID of its REGISTERs (RFC 3261 §10.2).
 */
export function deviceIdOf({ instance, callId }: Binding): string {
  return instance ?? callId
}

/** Its binding: the one with this Contact, or what the device has registered instead of that. */
export function bindingOf(
  bindings: readonly Binding[],
  contact: string,
  device: string | undefined,
): Binding | undefined {
  const isSame = (each: Binding): boolean => each.contact === contact
  const own = bindings.filter((each) => deviceIdOf(each) === device)
  const same = own.find(isSame)
  if (same?.flow !== undefined) return same
  const anew = ({ flow, path }: Binding): boolean => flow !== undefined && path.length === 0
  return own.find(anew) ?? same ?? bindings.find(isSame)
}

function isDirect({ path, behindNat, uri, target }: Binding): boolean {
  return path.length === 0 && (behindNat || uri.host === target.host)
}

/**
 * Who sends by this connection and names itself so: it may be known by the connection before, or
 * register this one later. Over UDP nobody has to be found anew.
 */
export function deviceAt(
  location: Pick<Location, 'bindings'>,
  aor: string,
  contact: string,
  { transport, flow }: Source,
): string | undefined {
  if (!isReliable(transport)) return undefined
  const bindings = location.bindings(aor)
  const named = bindings.filter((each) => each.contact === contact)
  const known = named.find((each) => each.flow === flow)
  if (known !== undefined) return deviceIdOf(known)
  const { host } = parseUri(contact) ?? {}
  // By the connection of a proxy many send.
  const isItsOwn = (each: Binding): boolean => isDirect(each) || each.uri.host === host
  const here = bindings.filter((each) => each.flow === flow && isItsOwn(each))
  const before = named.filter((each) => each.flow === undefined)
  const [found, other] = new Set((here.length > 0 ? here : before).map(deviceIdOf))
  return other === undefined ? found : undefined
}
