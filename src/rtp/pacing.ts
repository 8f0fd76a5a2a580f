//! 20 ms from absolute deadlines: tick `n` is due at `start + n * interval`, however late the
//! ticks before it were. A loop that falls far behind lets go of what nobody can use any more.

export type Pacing = {
  readonly start: number
  readonly interval: number
  /** Ticks handed out so far. */
  readonly ticks: number
}

export type Due = {
  readonly pacing: Pacing
  /** Ticks to carry out now. */
  readonly due: number
  /** Ticks let go: the loop was stopped for longer than `burstMax` ticks. */
  readonly skipped: number
}

export function startPacing(now: number, interval: number): Pacing {
  return { start: now, interval, ticks: 0 }
}

export function ticksDue(pacing: Pacing, now: number, burstMax: number): Due {
  const reached = Math.floor((now - pacing.start) / pacing.interval) + 1
  const behind = Math.max(0, reached - pacing.ticks)
  const due = Math.min(behind, burstMax)
  return {
    pacing: { ...pacing, ticks: pacing.ticks + behind },
    due,
    skipped: behind - due,
  }
}

export function nextDeadline({ start, interval, ticks }: Pacing): number {
  return start + ticks * interval
}
