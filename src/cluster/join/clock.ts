//! Whether the clock of a host that joins is near enough to that of the node it asks. Pure.

import type { WallTime } from '../../base/time.ts'
import type { Peer } from '../settings.ts'

/** Milliseconds. After a stop of all nodes no more than that is bridged (`survival.ts`). */
const APART_MAX = 3_600_000

/** Undefined when it is, or the host does not say; else why not, and what to do. */
export function clockObjection(
  said: number | undefined,
  here: WallTime,
  { name, host }: Pick<Peer, 'name' | 'host'>,
): string | undefined {
  if (said === undefined || Math.abs(said - here) <= APART_MAX) return undefined
  const [theirs, ours] = [said, here].map((time) => new Date(time).toISOString())
  const clocks = `the clock of this host says ${theirs}, that of ${name} (${host}) ${ours}`
  return `${clocks}: let NTP set both (timedatectl), then try again`
}
