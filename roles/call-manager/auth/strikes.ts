//! Counts what should not happen, by key, and bans a key that has done it too often: longer every
//! time. Pure. Bounded: the keys unused for longest are forgotten.

import { after, millis, type Millis } from '../../../src/base/time.ts'
import { Recent } from './recent.ts'

export type StrikePolicy = {
  /** Strikes until the first ban; a third of it until the next ones. */
  readonly limit: number
  /** Strikes older than this are forgiven. */
  readonly window: Millis
  /** The first ban; each one after it is twice as long, up to the longest. */
  readonly ban: Millis
  readonly longest: Millis
  readonly capacity: number
  /** No ban sooner than this after the first strike: a crowd may come all at once. */
  readonly patience?: Millis
}

type Entry = { strikes: number; since: Millis; bans: number; until: Millis }

export class Strikes {
  readonly #policy: StrikePolicy
  readonly #entries: Recent<string, Entry>

  constructor(policy: StrikePolicy) {
    this.#policy = policy
    this.#entries = new Recent(policy.capacity)
  }

  /** Nobody has done anything: then nobody need be asked about. */
  get isEmpty(): boolean {
    return this.#entries.isEmpty
  }

  isBanned(key: string, now: Millis): boolean {
    // On a quiet day nobody has: a key that is put together for this need not even be hashed.
    if (this.#entries.isEmpty) return false
    const entry = this.#entries.get(key)
    return entry !== undefined && now < entry.until
  }

  /** Strikes that count now. */
  count(key: string, now: Millis): number {
    const entry = this.#entries.get(key)
    return entry === undefined || this.#isForgiven(entry, now) ? 0 : entry.strikes
  }

  /** True when this one brought a ban. */
  strike(key: string, now: Millis): boolean {
    const entry = this.#entries.get(key) ?? { strikes: 0, since: now, bans: 0, until: now }
    this.#entries.set(key, entry)
    if (this.#isForgiven(entry, now)) entry.strikes = 0
    if (entry.strikes === 0) entry.since = now
    entry.strikes++
    const { limit, ban, longest, patience = 0 } = this.#policy
    if (entry.strikes < (entry.bans === 0 ? limit : Math.ceil(limit / 3))) return false
    if (now - entry.since < patience) return false
    const length = Math.min(ban * 2 ** entry.bans, longest)
    entry.until = after(now, millis(length))
    entry.strikes = 0
    entry.bans++
    return true
  }

  clear(key: string): void {
    if (!this.#entries.isEmpty) this.#entries.delete(key)
  }

  #isForgiven(entry: Entry, now: Millis): boolean {
    return now - entry.since > this.#policy.window
  }
}
