//! The event server's limits.

import type { ExpiresBounds } from './rules.ts'

export type EventLimits = {
  readonly subscribe: ExpiresBounds
  readonly publish: ExpiresBounds
  /** Subscriptions in all, of one AOR by one package, and by one watcher. */
  readonly subscriptions: number
  readonly perAor: number
  readonly perWatcher: number
  /** Subscriptions of one watcher to one AOR by one package. */
  readonly perPair: number
  /** Publications of one AOR by one package. */
  readonly publications: number
}

/**
 * A switchboard watches hundreds of extensions; a popular one is watched by whole departments. One
 * user has at most ten devices, and each may have forgotten a subscription when it started anew.
 */
export const DEFAULT_LIMITS: EventLimits = {
  subscribe: { min: 30, max: 3_600 },
  publish: { min: 30, max: 3_600 },
  subscriptions: 500_000,
  perAor: 1_000,
  perWatcher: 1_000,
  perPair: 20,
  publications: 10,
}
