//! What the stack needs of the network. Implemented by src/sip/transport on sockets and by the
//! simulated network of the tests; both pass test/contract/sip-transport.ts.

import type { Subscribe } from '../../base/host.ts'
import type { Millis } from '../../base/time.ts'
import type { SipMessage } from '../message/message.ts'
import type { SipUri } from '../message/uri.ts'
import type { FlowId, Source, Target, TransportName } from '../transaction/flow.ts'

export interface SipTransport {
  /**
   * Sends, or fails by `failed`; never throws, never calls back before it returns.
   * `bytes` is `serialize(message)` when the caller has it already. A request too big for the
   * path goes from UDP to TCP by itself, its Via changed to match (RFC 3261 §18.1.1).
   */
  send(to: FlowId | Target, message: SipMessage, bytes?: Uint8Array): void
  /** `received` and `rport` are on the top Via of requests already (§18.2.1, RFC 3581). */
  readonly received: Subscribe<Received>
  readonly failed: Subscribe<SendFailure>
  /** The flow's id is never used again; whatever was sent on it and not answered is lost. */
  readonly flowClosed: Subscribe<FlowId>
  /** What Via and Contact say when sending there; undefined when the flow is no more. */
  localAddress(to: FlowId | Target): LocalAddress | undefined
}

export type Received = {
  readonly source: Source
  readonly message: SipMessage
  /** As they came. Belongs to the receiver of the event. */
  readonly bytes: Uint8Array
  /** How long it lay in the kernel before it was read, when that is known. */
  readonly waited?: Millis
}

export type SendFailure = {
  /** A flow when it is known which: requests down a flow fail by its name only. */
  readonly target: FlowId | Target
  /** For the log: `ECONNREFUSED`, `no such flow`, … */
  readonly cause: string
  /** The one that did not go; undefined: whatever was sent there and is not answered is lost. */
  readonly message?: SipMessage
}

export type LocalAddress = {
  readonly transport: TransportName
  readonly address: string
  readonly port: number
}

/**
 * RFC 3263: where a request for `uri` goes, in order of preference, empty when nowhere. Calls back
 * exactly once, maybe before it returns.
 */
export type Resolve = (uri: SipUri, found: (targets: readonly Target[]) => void) => void
