//! INVITE server transaction: RFC 3261 §17.2.1 and Figure 7, as amended by RFC 6026 §8.7, §8.8.
//!
//!         INVITE in (up to the TU)
//!                |
//!             trying ---TU 1xx, or nothing in this turn: 100---> proceeding -+ INVITE: resend
//!              |  |                                                 |  |  ^--+ TU 1xx: send
//!              |  +--------------------TU 2xx-----------------------+  |
//!              |                         |                             |
//!              +-----TU 300-699----------|-----------------------------+
//!                       |                |
//!    INVITE, G: +-- completed            |
//!       resend  +-----> |  | ACK         |
//!                     H |  +-> confirmed | accepted <-+ TU 2xx: send, ACK: up
//!                       |           | I  |   | L |    | INVITE: absorbed
//!                       +--> terminated <----+   +----+
//!
//! `trying` is the figure's "send 100 if TU won't in 200 ms" with 0 ms for 200: an answer that is
//! ready in the same turn (a challenge, most often) saves the 100. A transport error is told to the
//! TU and changes nothing (RFC 6026 §8.8). Timer H is told too, as §17.2.1 says in words, although
//! RFC 6026 draws it without an action.
//!
//! Where another process takes over it is 200 ms: whoever has a 100 repeats its INVITE no more, and
//! within that time a successor knows of it, or has the address already. Not over a connection,
//! on which nothing is repeated, and which ends with its process.
//!
//! Deviation: within a dialog there is no 100 but the TU's own. Whoever has one repeats its INVITE
//! no more, takes no other, and waits for as long as it takes: it must not have it from a process
//! that can die before the next one would know of that INVITE. Until then it says it again.

import { doubling, figure, once, type Figure, type Rows } from './figure.ts'
import { type ServerAction, type ServerEvent } from './server-events.ts'
import { HOPE, INVITE_TRYING, T1, T2, T4 } from './timers.ts'
import { millis, type Millis } from '../../base/time.ts'

export type State = 'trying' | 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated'

type InviteServer = Rows<State, ServerEvent, ServerAction>

const TRYING: InviteServer['trying']['on'] = {
  'TU 1xx': ['proceeding', 'send-response'],
  'TU 2xx': ['accepted', 'send-response'],
  'TU 300-699': ['completed', 'send-response'],
}

const ANSWERED: Omit<InviteServer, 'trying'> = {
  proceeding: {
    on: {
      request: ['proceeding', 'resend'],
      'TU 1xx': ['proceeding', 'send-response'],
      'TU 2xx': ['accepted', 'send-response'],
      'TU 300-699': ['completed', 'send-response'],
      'transport-error': ['proceeding', 'transport-failed'],
    },
  },
  completed: {
    repeat: doubling('timer G', T1, T2),
    expiry: once('timer H', HOPE),
    on: {
      request: ['completed', 'resend'],
      ack: ['confirmed'],
      'timer G': ['completed', 'resend'],
      'timer H': ['terminated', 'timed-out'],
      'transport-error': ['completed', 'transport-failed'],
    },
  },
  confirmed: {
    expiry: once('timer I', T4, millis(0)),
    on: { 'timer I': ['terminated'] },
  },
  accepted: {
    expiry: once('timer L', HOPE),
    on: {
      ack: ['accepted', 'deliver-ack'],
      'TU 2xx': ['accepted', 'send-response'],
      'timer L': ['terminated'],
      'transport-error': ['accepted', 'transport-failed'],
    },
  },
  terminated: { on: {} },
}

export const INVITE_SERVER = sayingTryingAfter(millis(0))
/** Of a process that has a successor. */
export const SUCCEEDED_INVITE_SERVER = sayingTryingAfter(INVITE_TRYING)

export const REINVITE_SERVER = figure<State, ServerEvent, ServerAction>(['trying', 'deliver'], {
  trying: { on: TRYING },
  ...ANSWERED,
})

function sayingTryingAfter(delay: Millis): Figure<State, ServerEvent, ServerAction> {
  return figure<State, ServerEvent, ServerAction>(['trying', 'deliver'], {
    trying: {
      expiry: once('timer 100', delay, millis(0)),
      on: { ...TRYING, 'timer 100': ['proceeding', 'send-trying'] },
    },
    ...ANSWERED,
  })
}
