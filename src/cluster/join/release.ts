//! Which releases may come into a cluster: those that know the schema of its state. Pure.

import type { NodeId } from '../../control/ids.ts'
import type { SchemaStanding } from '../../store/replica/upgrade.ts'

/** Undefined when who `knows` so much may come in, else why not, and what to do. */
export function objectionTo(knows: number, wanted: number): string | undefined {
  if (knows >= wanted) return undefined
  const found = `it knows schema ${knows} of the state, the cluster has ${wanted}`
  return `its pbx is of an older release (${found}): update pbx there, then let it join`
}

/** What the group has when these are gone: it goes over to what all the others know. */
export function schemaWithout(
  gone: readonly NodeId[],
  { inForce, newest, waitsFor }: SchemaStanding,
): number {
  const others = waitsFor.filter(({ id }) => !gone.includes(id))
  return Math.max(inForce, Math.min(newest, ...others.map(({ knows = 0 }) => knows)))
}
