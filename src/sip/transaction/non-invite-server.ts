//! Non-INVITE server transaction: RFC 3261 §17.2.2 and Figure 8, as amended by RFC 4320.
//!
//!         request in (up to the TU)
//!                |
//!             trying ---7*T1: 100---> proceeding -+ request: resend
//!              |  |                    |  |  ^----+
//!              |  +-----TU 200-699-----+  | TU 408, or nothing
//!       TU 408 |              |           | in 64*T1
//!              |          completed -+ request: resend
//!              |              | J ^--+    |
//!              +---------> terminated <---+
//!
//! RFC 4320: no provisional answer but 100, and that only when the client's Timer E has reached T2
//! (§4.1); never a 408, whose arrival could only be too late (§4.2). So the TU's 1xx are dropped,
//! and its 408, like its silence, ends the transaction without an answer. A transport error is
//! told to the TU and changes nothing (RFC 6026 §8.8).

import { figure, once } from './figure.ts'
import { type ServerAction, type ServerEvent } from './server-events.ts'
import { HOPE, NON_INVITE_TRYING } from './timers.ts'
import { millis } from '../../base/time.ts'

export type State = 'trying' | 'proceeding' | 'completed' | 'terminated'

export const NON_INVITE_SERVER = figure<State, ServerEvent, ServerAction>(['trying', 'deliver'], {
  trying: {
    expiry: once('timer 100', NON_INVITE_TRYING),
    on: {
      'TU 1xx': ['trying'],
      'TU 2xx': ['completed', 'send-response'],
      'TU 300-699': ['completed', 'send-response'],
      'TU 408': ['terminated'],
      'timer 100': ['proceeding', 'send-trying'],
    },
  },
  proceeding: {
    expiry: once('timer hope', HOPE),
    on: {
      request: ['proceeding', 'resend'],
      'TU 1xx': ['proceeding'],
      'TU 2xx': ['completed', 'send-response'],
      'TU 300-699': ['completed', 'send-response'],
      'TU 408': ['terminated'],
      'timer hope': ['terminated', 'timed-out'],
      'transport-error': ['proceeding', 'transport-failed'],
    },
  },
  completed: {
    expiry: once('timer J', HOPE, millis(0)),
    on: {
      request: ['completed', 'resend'],
      'timer J': ['terminated'],
      'transport-error': ['completed', 'transport-failed'],
    },
  },
  terminated: { on: {} },
})
