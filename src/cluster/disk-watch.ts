//! Whether the disk of a node is too slow for it to lead: the thread that waits for a commit renews
//! no lease meanwhile, and one that lasts as long as a lease costs the address. The others miss
//! nobody then, since heartbeats still come in time. Pure.

import { seconds, type Millis } from '../base/time.ts'

/** Two within it are no accident. */
const WITHIN = seconds(10)
/** It is well again when it was for so long, and has had something to do. */
const WELL_FOR = seconds(60)
const WELL_COMMITS = 10

export class DiskWatch {
  readonly #lease: Millis
  #slow: string | undefined
  #stalledAt: Millis | undefined
  /** Commits since. */
  #well = 0

  constructor(lease: Millis) {
    this.#lease = lease
  }

  /** Why this node had better not lead. */
  get slow(): string | undefined {
    return this.#slow
  }

  /** A commit that began so long before. */
  committed(took: Millis, now: Millis): void {
    if (took < this.#lease) return this.#wentWell(now)
    const before = this.#stalledAt
    this.#stalledAt = now
    this.#well = 0
    const isAgain = before !== undefined && now - before < WITHIN
    if (isAgain || this.#slow !== undefined)
      this.#slow = `its disk took ${Math.round(took)} ms to commit`
  }

  #wentWell(now: Millis): void {
    if (this.#slow === undefined || this.#stalledAt === undefined) return
    this.#well++
    if (this.#well >= WELL_COMMITS && now - this.#stalledAt >= WELL_FOR) this.#slow = undefined
  }
}
