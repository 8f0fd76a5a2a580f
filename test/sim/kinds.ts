//! The kinds of worlds. A seed says which it is: of twenty, thirteen are of Raft alone, and so on.

import { run as calls } from './calls/run.ts'
import type { Outcome } from './outcome.ts'
import { run as raft } from './raft/run.ts'
import { run as replica } from './replica/run.ts'

type Run = (seed: number) => Outcome | Promise<Outcome>
/** `kept`: seeds that have found something, and are run each time. */
type KindOfWorld = { readonly share: number; readonly run: Run; readonly kept: readonly number[] }

export const KINDS = {
  /** Raft and the lease, over a model of a disk. */
  raft: { share: 13, run: raft, kept: [] },
  /** The production replica on SQLite, its store, and the lease. */
  replica: { share: 5, run: replica, kept: [] },
  /** Call managers on three such nodes, and phones. */
  calls: { share: 2, run: calls, kept: [20, 54, 50611, 51076] },
} as const satisfies Readonly<Record<string, KindOfWorld>>

export type Kind = keyof typeof KINDS
export const ALL_KINDS = Object.keys(KINDS) as readonly Kind[]

/** Rejects with what does not hold. */
export async function runSeed(kind: Kind, seed: number): Promise<Outcome> {
  try {
    return await KINDS[kind].run(seed)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`${kind}, seed ${seed}: ${message}`, { cause: error })
  }
}

export function kindOf(seed: number): Kind {
  const total = ALL_KINDS.reduce((sum, kind) => sum + KINDS[kind].share, 0)
  let place = seed % total
  for (const kind of ALL_KINDS) {
    place -= KINDS[kind].share
    if (place < 0) return kind
  }
  throw new Error(`seed ${seed} is of no kind`)
}

/** Those from `first` on that are of `kind`, and with the first of all those that are kept. */
export function* seedsOf(kind: Kind, first: number, count: number): Generator<number> {
  if (first === 1) yield* KINDS[kind].kept
  for (let seed = first; seed < first + count; seed++) if (kindOf(seed) === kind) yield seed
}
