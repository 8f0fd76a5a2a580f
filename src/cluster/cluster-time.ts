//! The time of a cluster: what its state is dated by, and judged by. It goes on where it was when
//! another node serves, and when the clock of a host is set it does not jump. Pure.
//!
//! It is the wall clock of whoever serves. Where it differs from that, since another one served
//! before or the clock was set, it goes a tenth faster or slower until it does not: an hour takes
//! ten. So what is dated by it is judged right within a tenth of its age, by every successor.

import type { Host } from '../base/host.ts'
import { wallTime, type WallTime } from '../base/time.ts'

/** Of the time that passes. */
const PACE = 0.1

export class ClusterTime {
  readonly #clock: Pick<Host, 'now' | 'wall'>
  /** To be added to the monotonic clock, as it was read last. */
  #offset: number
  #readAt: number

  /** `ahead`: of this host's wall clock, in milliseconds. */
  constructor(clock: Pick<Host, 'now' | 'wall'>, ahead = 0) {
    this.#clock = clock
    this.#readAt = clock.now()
    this.#offset = clock.wall() + ahead - this.#readAt
  }

  readonly read = (): WallTime => {
    const now = this.#clock.now()
    const missing = this.#clock.wall() - now - this.#offset
    const most = (now - this.#readAt) * PACE
    this.#offset += Math.min(most, Math.max(-most, missing))
    this.#readAt = now
    return wallTime(Math.round(now + this.#offset))
  }

  /** Of this host's wall clock, in milliseconds. */
  get ahead(): number {
    return this.read() - this.#clock.wall()
  }

  /** As who serves has just said. */
  follow(told: WallTime): void {
    this.#readAt = this.#clock.now()
    this.#offset = told - this.#readAt
  }
}
