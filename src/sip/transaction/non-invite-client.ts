//! Non-INVITE client transaction: RFC 3261 §17.1.2 and Figure 6.
//!
//!           request out
//!                |
//!         E +-trying---1xx---> proceeding -+ E (every T2), 1xx
//!           +--> | |              | |  ^---+
//!             F, | +---200-699----+ | F,
//!         error  |        |         | error
//!                |    completed     |
//!                |        | K       |
//!                +--> terminated <--+
//!
//! E and F run on from `trying` into `proceeding`.

import { type ClientAction, type ClientEvent } from './client-events.ts'
import { doubling, figure, once, still, stillEvery } from './figure.ts'
import { HOPE, T1, T2, T4 } from './timers.ts'
import { millis } from '../../base/time.ts'

export type State = 'trying' | 'proceeding' | 'completed' | 'terminated'

export const NON_INVITE_CLIENT = figure<State, ClientEvent, ClientAction>(
  ['trying', 'send-request'],
  {
    trying: {
      repeat: doubling('timer E', T1, T2),
      expiry: once('timer F', HOPE),
      on: {
        '1xx': ['proceeding', 'deliver'],
        '2xx': ['completed', 'deliver'],
        '300-699': ['completed', 'deliver'],
        'timer E': ['trying', 'send-request'],
        'timer F': ['terminated', 'timed-out'],
        'transport-error': ['terminated', 'transport-failed'],
      },
    },
    proceeding: {
      repeat: stillEvery('timer E', T2),
      expiry: still('timer F'),
      on: {
        '1xx': ['proceeding', 'deliver'],
        '2xx': ['completed', 'deliver'],
        '300-699': ['completed', 'deliver'],
        'timer E': ['proceeding', 'send-request'],
        'timer F': ['terminated', 'timed-out'],
        'transport-error': ['terminated', 'transport-failed'],
      },
    },
    completed: {
      expiry: once('timer K', T4, millis(0)),
      on: { 'timer K': ['terminated'] },
    },
    terminated: { on: {} },
  },
)
