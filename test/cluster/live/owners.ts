//! Whether the answers at an address can be those of one owner at a time: each term has one leader,
//! terms go up, and nobody but the leader answers. Pure.

export type Answer = { readonly node: string; readonly asked: number; readonly answered: number }

type Reign = { readonly node: string; readonly term: number; readonly firstAt: number }

/**
 * What cannot be explained; undefined when all can. An answer was given at some moment between
 * `asked` and `answered`.
 */
export function secondOwner(
  answers: readonly Answer[],
  leaders: ReadonlyMap<number, string>,
): string | undefined {
  const terms = [...leaders].toSorted(([a], [b]) => a - b)
  let before: Reign | undefined
  let reign: Reign = { node: '', term: 0, firstAt: 0 }
  for (const { node, asked, answered } of answers.toSorted((a, b) => a.answered - b.answered)) {
    if (node === reign.node) continue
    // On its way while the address moved.
    if (node === before?.node && asked < reign.firstAt) continue
    const found = terms.find(([term, leader]) => term > reign.term && leader === node)
    if (found === undefined) {
      const at = `asked at ${asked.toFixed(0)}, answered at ${answered.toFixed(0)}`
      const since = `${reign.node} since ${reign.firstAt.toFixed(0)}, in term ${reign.term}`
      return `${node} answered (${at}) when it was the turn of ${since}; ${toldOf(terms)}`
    }
    before = reign
    reign = { node, term: found[0], firstAt: answered }
  }
  return undefined
}

function toldOf(terms: readonly (readonly [number, string])[]): string {
  return terms
    .slice(-8)
    .map(([term, leader]) => `${term} ${leader}`)
    .join(', ')
}

/** From what nodes have logged; what contradicts itself is thrown. */
export function leadersOf(
  logs: readonly string[],
  nameOf: (id: string) => string,
): ReadonlyMap<number, string> {
  const leaders = new Map<number, string>()
  for (const log of logs)
    for (const [, id = '', text] of log.matchAll(
      /"leader":"([^"]+)","term":(\d+),.*"leader\.changed"/g,
    )) {
      const [term, name] = [Number(text), nameOf(id)]
      const known = leaders.get(term)
      if (known !== undefined && known !== name)
        throw new Error(`term ${term} had two leaders: ${known} and ${name}`)
      leaders.set(term, name)
    }
  return leaders
}
