//! What the nodes agree on, as whoever asked for it is told.

import type { Command, Store } from '../store/store.ts'

/** Undefined once it is committed, else why it was not taken. */
export async function propose(store: Store, command: Command): Promise<string | undefined> {
  const proposed = await store.propose(command)
  if (proposed.ok) return undefined
  const { error } = proposed
  return error.kind === 'rejected' ? error.reason : `the store says ${error.kind}`
}
