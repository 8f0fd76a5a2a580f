//! Until when what the store has of before is alive. Its times are of whoever served then, and the
//! clocks of two hosts may differ, or one may have been set meanwhile. Pure.
//!
//! To let go of something that lives costs more than to keep something that does not: a phone
//! cannot be called before it registers again, while one that is gone is rung in vain.

import { millis, seconds, wallTime, type Millis, type WallTime } from '../../src/base/time.ts'

/** What ran out longer ago than this is gone, whatever the clocks. */
const DOUBT = seconds(3_600)

/** What had run out by then is gone for sure. */
export function goneSince(wall: WallTime): WallTime {
  return wallTime(wall - DOUBT)
}

export type Row = {
  readonly expiresAt: WallTime
  /** Nothing is granted longer. */
  readonly most: Millis
}

/** When it ends, by the clock of this process. It has not run out by `goneSince`. */
export function endOf({ expiresAt, most }: Row, here: { now: Millis; wall: WallTime }): Millis {
  const left = expiresAt - here.wall
  const end = here.now + (left > 0 ? left : left + DOUBT)
  // Whoever keeps it rounds up to a whole millisecond, and that is not to be beyond the longest.
  return millis(Math.min(end, Math.floor(here.now + most)))
}
