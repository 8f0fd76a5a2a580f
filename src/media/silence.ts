//! Has a leg that should be heard fallen silent? Pure: fed with what was heard and the time.

export type Silence = {
  /** Since when packets are expected; undefined while they are not (hold, not yet answered). */
  expectedSince: number | undefined
  /** When anything came last, RTP or RTCP. */
  lastHeard: number
  /** When a timeout was told last, with nothing since. */
  toldAt: number | undefined
}

export function newSilence(): Silence {
  return { expectedSince: undefined, lastHeard: Number.NEGATIVE_INFINITY, toldAt: undefined }
}

/** A description or a connection changed what is expected. Being resumed starts a new wait. */
export function expect(silence: Silence, expected: boolean, now: number): void {
  if (expected && silence.expectedSince === undefined) silence.expectedSince = now
  if (!expected) {
    silence.expectedSince = undefined
    silence.toldAt = undefined
  }
}

export function heard(silence: Silence, now: number): void {
  silence.lastHeard = now
}

/**
 * Milliseconds of silence when a timeout is due now, else undefined. It is due again after every
 * further `limit`: whoever was not ready to act on the first (a call still ringing) hears of it.
 */
export function silentFor(silence: Silence, now: number, limit: number): number | undefined {
  const { expectedSince, lastHeard, toldAt } = silence
  if (expectedSince === undefined) return undefined
  const quietSince = Math.max(expectedSince, lastHeard)
  if (now - Math.max(quietSince, toldAt ?? quietSince) < limit) return undefined
  silence.toldAt = now
  return now - quietSince
}

/** True once when packets are back after a timeout was told. */
export function isBack(silence: Silence): boolean {
  if (silence.toldAt === undefined || silence.lastHeard < silence.toldAt) return false
  silence.toldAt = undefined
  return true
}
