//! Where the devices of an AOR are reached, now: the location service (RFC 3261 §10) in memory.

import type { Subscribe } from '../../src/base/host.ts'
import type { Millis } from '../../src/base/time.ts'
import type { SipUri } from '../../src/sip/message/uri.ts'
import type { FlowId, Target, TransportName } from '../../src/sip/transaction/flow.ts'

export type Binding = {
  readonly aor: string
  /** The contact's URI as registered: the Request-URI of what is sent to it. */
  readonly contact: string
  readonly uri: SipUri
  /** Thousandths: 0 to 1000. */
  readonly q: number
  readonly instance: string | undefined
  readonly regId: number | undefined
  /**
   * Down which flow, when there is one: always to be preferred to `target` (RFC 5626 §5.3).
   * Undefined after a restart, when only the address is known.
   */
  readonly flow: FlowId | undefined
  /** The first hop: the device's address as seen from here, or the first Path URI's host. */
  readonly target: Target
  /** Route set towards the device, first hop first (RFC 3327). */
  readonly path: readonly string[]
  readonly transport: TransportName
  readonly behindNat: boolean
  readonly userAgent: string
  readonly callId: string
  readonly cseq: number
  readonly registeredAt: Millis
  readonly expiresAt: Millis
  /** `sip:user@domain;gr=…` when the device registered an instance (RFC 5627). */
  readonly pubGruu: string | undefined
}

export interface Location {
  /**
   * Contacts that can be reached, highest q first, then newest first. Of several flows of one
   * instance only the newest live one (RFC 5626 §5.3).
   */
  lookup(aor: string): readonly Binding[]
  /** All bindings of the AOR, those included that wait for their device to connect again. */
  bindings(aor: string): readonly Binding[]
  /** The one instance a public or temporary GRUU of ours stands for. */
  byGruu(uri: SipUri): Binding | undefined
  /** Every AOR with bindings, for the console. */
  aors(): Iterable<string>
  /** Number of bindings. */
  readonly size: number
  /** Registered, refreshed with another contact, gone, or reachable again. */
  readonly changed: Subscribe<{ readonly aor: string }>
}
