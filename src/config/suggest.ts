//! "Did you mean": the known word that is nearest to a mistyped one.

/** `; did you mean X?`, or nothing when no word is near enough to be meant. */
export function didYouMean(word: string, known: readonly string[]): string {
  const nearest = nearestTo(word, known)
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
}

function nearestTo(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const each of known) {
    const distance = editDistance(word.toLowerCase(), each)
    if (distance >= bestDistance) continue
    best = each
    bestDistance = distance
  }
  return best
}

/** Optimal string alignment: insertions, deletions, substitutions, swapped neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2]
      let cost = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      )
      if (swapped && a[row - 2] === b[column - 1])
        cost = Math.min(cost, at(beforeLast, column - 2) + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
