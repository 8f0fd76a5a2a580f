//! Who sits on top of the stack: RFC 3261 §5's transaction user, as the stack sees it.

import type { SipRequest, SipResponse } from '../message/message.ts'
import type { Source } from '../transaction/flow.ts'
import type { ServerKey } from '../transaction/keys.ts'

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
  /** A final answer to INVITE was never acknowledged, or an answer could not be sent. */
  onServerFailed(key: ServerKey, cause: 'timeout' | 'transport'): void
  /**
   * The request answers a challenge that its source had from us: overload control refuses it last.
   * Asked only while it refuses, so it must cost little: no passwords. Without this nobody is
   * spared.
   */
  hasChallenged?(request: SipRequest, source: Source): boolean
}
