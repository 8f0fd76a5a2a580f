//! What a simulated world comes to when nothing fails.

import type { FaultCounts } from './cluster/faults.ts'

export type Outcome = {
  readonly faults: FaultCounts
  /** What was done, by name. */
  readonly counts: Readonly<Record<string, number>>
  readonly virtualMs: number
  /** Of all that was recorded: the same seed gives the same. */
  readonly digest: string
}
