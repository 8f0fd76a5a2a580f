//! Whether the clock of a host that joins is near enough to those of the cluster. Pure.

import type { WallTime } from '../../base/time.ts'
import type { Peer } from '../settings.ts'

/** Milliseconds. After a stop of all nodes no more than that is bridged (`survival.ts`). */
export const APART_MAX = 3_600_000

/** `asked`: who says so. Undefined when it is, or the host does not say; else what to do. */
export function clockObjection(
  said: number | undefined,
  here: WallTime,
  asked: Pick<Peer, 'name' | 'host'>,
): string | undefined {
  if (said === undefined || Math.abs(said - here) <= APART_MAX) return undefined
  const [theirs, ours] = [said, here].map((time) => new Date(time).toISOString())
  const clocks = `the clock of this host says ${theirs}, those of the cluster ${ours}`
  const mend = 'let NTP set all of them (timedatectl), then try again'
  return `${clocks}, as ${asked.name} (${asked.host}) knows them: ${mend}`
}
