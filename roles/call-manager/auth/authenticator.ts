//! Who sent this request? What the call manager asks before it acts on one.

import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import type { Extension } from '../directory.ts'

export type Verdict =
  | { readonly kind: 'ok'; readonly extension: Extension }
  /** 401 to REGISTER, 407 to all else: answer it, and forget the request. */
  | { readonly kind: 'challenge'; readonly response: SipResponse }
  /** Known, but not allowed: answer it. */
  | { readonly kind: 'refuse'; readonly response: SipResponse }
  /** A scanner or a locked-out guesser: no answer at all. The reason is for logs and metrics. */
  | { readonly kind: 'drop'; readonly reason: string }

export interface Authenticator {
  /** For every request outside of a dialog, ACK and CANCEL excepted. */
  authenticate(request: SipRequest, source: Source): Verdict
}
