//! How soon a node that is gone is missed. Safe while an election takes longer than twice a lease,
//! with clocks that are a percent wrong (ADR 9).

import type { Timing } from '../store/replica/open-replica.ts'
import { millis, type Millis } from '../base/time.ts'
import type { TimingName } from './settings.ts'

export const TICK = millis(10)

/** In ticks; the lease in milliseconds. */
export const TIMINGS: Readonly<Record<TimingName, Timing & { readonly lease: Millis }>> = {
  default: {
    heartbeatTicks: 10,
    electionMinTicks: 90,
    electionMaxTicks: 130,
    lease: millis(400),
  },
  fast: { heartbeatTicks: 5, electionMinTicks: 45, electionMaxTicks: 75, lease: millis(200) },
}
