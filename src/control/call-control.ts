//! What call-manager offers to the other roles and to the console: calls as they are now, news of
//! them, and the means to end one. A method is one RPC, so arguments are plain data.

import type { Subscribe } from '../base/host.ts'
import type { Result } from '../base/result.ts'
import type { WallTime } from '../base/time.ts'
import type { CallId, TenantId } from './ids.ts'

export interface CallControl {
  /** Calls that have not ended, oldest first. */
  calls(): Promise<readonly CallSummary[]>
  /** Ends it with BYE, or refuses it when it was not answered; `cause` is for the CDR. */
  hangup(call: CallId, cause: string): Promise<Result<void, CallGone>>
  readonly events: Subscribe<CallEvent>
}

export type CallGone = { readonly kind: 'call-gone' }

export type CallSummary = {
  readonly call: CallId
  readonly tenant: TenantId
  /** AOR of who called. */
  readonly caller: string
  /** AOR or number of who is called. */
  readonly callee: string
  readonly state: 'ringing' | 'up' | 'held' | 'ending'
  readonly startedAt: WallTime
  readonly answeredAt: WallTime | undefined
  /** SIP Call-IDs of its legs, the caller's first. */
  readonly sipCallIds: readonly string[]
}

export type CallEvent =
  | { readonly kind: 'began' | 'ringing' | 'answered' | 'held' | 'resumed'; readonly call: CallId }
  | { readonly kind: 'ended'; readonly call: CallId; readonly cause: string }
