//! The host between transport, transaction layer and transaction user.

import type { Cancel } from '../base/host.ts'
import type { SipMessage, SipRequest, SipResponse } from './message/message.ts'
import type { SipUri } from './message/uri.ts'
import type { FlowId, Source, Target } from './transaction/flow.ts'
import type { ClientKey, ServerKey } from './transaction/keys.ts'

/** Where a request goes: down a flow, to an address, or wherever RFC 3263 leads. */
export type Destination = FlowId | Target | { readonly uri: SipUri }

export interface SipStack {
  /**
   * Starts a client transaction; the stack puts a Via of its own in front (the request it was
   * given is not touched). The key stays the same when the stack fails over to another target.
   * `user` hears nothing before this returns.
   */
  request(request: SipRequest, to: Destination, user: ResponseHandler): ClientKey
  /** Answers; later answers than the final one are only sent for a 2xx to INVITE (§13.3.1.4). */
  respond(key: ServerKey, response: SipResponse): void
  /** Outside of any transaction: the ACK to a 2xx. A request gets a Via of ours. */
  send(message: SipMessage, to: Destination): void
  /**
   * Cancels an INVITE; waits for its first provisional answer, as §9.1 wants. The handler hears
   * how the INVITE ended as always, or `cancelled` when nothing came in 64*T1.
   * `headers` go on the CANCEL (Reason, RFC 3326).
   */
  cancel(key: ClientKey, headers?: readonly (readonly [string, string])[]): void
}

/** Of one client transaction: provisional answers, then one final or one failure. */
export type ResponseHandler = {
  /** After a 2xx to INVITE more of them may follow: retransmissions and other forks. */
  onResponse(response: SipResponse, source: Source): void
  onFailed(cause: RequestFailure): void
}

export type RequestFailure = 'timeout' | 'transport' | 'unresolvable' | 'cancelled'

/** Who decides what requests mean. Called from within the stack's pump; must not throw. */
export type TransactionUser = {
  /** Anything but ACK and CANCEL. Retransmissions, loops and merged requests do not get here. */
  onRequest(request: SipRequest, key: ServerKey, source: Source): void
  /** The layer has answered the CANCEL; the INVITE waits for its 487. */
  onCancel(inviteKey: ServerKey, cancel: SipRequest, source: Source): void
  /** An ACK to a 2xx. */
  onAck(request: SipRequest, source: Source): void
  /** No client transaction knows it: a late 2xx, or nonsense. */
  onStrayResponse(response: SipResponse, source: Source): void
  /** A final answer to INVITE was never acknowledged, or could not be sent. */
  onServerFailed(key: ServerKey, cause: 'timeout' | 'transport'): void
}

export interface RunnableSipStack extends SipStack {
  /** Begins to pump; `user` hears of everything from now on. Returns its closing. */
  start(user: TransactionUser): Cancel
}
