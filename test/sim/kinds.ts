//! The kinds of worlds. A seed says which it is: of twenty, thirteen are of Raft alone, and so on.

import { run as calls } from './calls/run.ts'
import type { Outcome } from './outcome.ts'
import { run as raft } from './raft/run.ts'
import { run as replica } from './replica/run.ts'

/** Each rejects, or throws, with what does not hold. */
export const KINDS = {
  /** Raft and the lease, over a model of a disk. */
  raft: { share: 13, run: (seed: number): Outcome | Promise<Outcome> => raft(seed) },
  /** The production replica on SQLite, its store, and the lease. */
  replica: { share: 5, run: replica },
  /** Call managers on three such nodes, and phones. */
  calls: { share: 2, run: calls },
} as const

export type Kind = keyof typeof KINDS
export const ALL_KINDS = Object.keys(KINDS) as readonly Kind[]

export function kindOf(seed: number): Kind {
  const total = ALL_KINDS.reduce((sum, kind) => sum + KINDS[kind].share, 0)
  let place = seed % total
  for (const kind of ALL_KINDS) {
    place -= KINDS[kind].share
    if (place < 0) return kind
  }
  throw new Error(`seed ${seed} is of no kind`)
}

/** Those from `first` on that are of `kind`. */
export function* seedsOf(kind: Kind, first: number, count: number): Generator<number> {
  for (let seed = first; seed < first + count; seed++) if (kindOf(seed) === kind) yield seed
}
