//! INVITE client transaction: RFC 3261 §17.1.1 and Figure 5, as amended by RFC 6026 §8.4.
//!
//!            INVITE out
//!                |
//!         A +-calling----1xx---> proceeding --CANCEL out--> cancelling
//!           +--> |  |  |            |  |                      |  |  |
//!             B, |  |  +----2xx-----+--------2xx--------------+  |  | no final
//!         error  |  |        |         |                         |  | in 64*T1
//!                |  +--------|--300-699+------300-699------------+  |
//!                |        accepted    completed (ACK out)           |
//!                |           | M         | D, error                 |
//!                +-----> terminated <----+--------------------------+
//!
//! `cancelling` is not in the figure: it is `proceeding` with §9.1's limit on the wait for 487.
//! A CANCEL must wait for a provisional answer, so there is no way to it from `calling`.

import { type ClientAction, type ClientEvent } from './client-events.ts'
import { doubling, figure, once } from './figure.ts'
import { HOPE, T1, TIMER_D } from './timers.ts'
import { millis } from '../../base/time.ts'

export type State =
  | 'calling'
  | 'proceeding'
  | 'cancelling'
  | 'accepted'
  | 'completed'
  | 'terminated'

export const INVITE_CLIENT = figure<State, ClientEvent, ClientAction>(['calling', 'send-request'], {
  calling: {
    repeat: doubling('timer A', T1),
    expiry: once('timer B', HOPE),
    on: {
      '1xx': ['proceeding', 'deliver'],
      '2xx': ['accepted', 'deliver'],
      '300-699': ['completed', 'send-ack', 'deliver'],
      'timer A': ['calling', 'send-request'],
      'timer B': ['terminated', 'timed-out'],
      'transport-error': ['terminated', 'transport-failed'],
    },
  },
  proceeding: {
    on: {
      '1xx': ['proceeding', 'deliver'],
      '2xx': ['accepted', 'deliver'],
      '300-699': ['completed', 'send-ack', 'deliver'],
      cancel: ['cancelling'],
    },
  },
  cancelling: {
    expiry: once('timer CANCEL', HOPE),
    on: {
      '1xx': ['cancelling', 'deliver'],
      '2xx': ['accepted', 'deliver'],
      '300-699': ['completed', 'send-ack', 'deliver'],
      'timer CANCEL': ['terminated', 'timed-out'],
    },
  },
  // A second 2xx is a fork or a lost ACK; either way the UAC core must see it.
  accepted: {
    expiry: once('timer M', HOPE),
    on: {
      '2xx': ['accepted', 'deliver'],
      'timer M': ['terminated'],
    },
  },
  completed: {
    expiry: once('timer D', TIMER_D, millis(0)),
    on: {
      '300-699': ['completed', 'send-ack'],
      'timer D': ['terminated'],
      'transport-error': ['terminated', 'transport-failed'],
    },
  },
  terminated: { on: {} },
})
