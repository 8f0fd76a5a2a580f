//! Which releases may come into a cluster: those that know the schema of its state. Pure.

/** Undefined when who `knows` so much may come in, else why not, and what to do. */
export function objectionTo(knows: number, wanted: number): string | undefined {
  if (knows >= wanted) return undefined
  const found = `it knows schema ${knows} of the state, the cluster has ${wanted}`
  return `its pbx is of an older release (${found}): update pbx there, then let it join`
}
