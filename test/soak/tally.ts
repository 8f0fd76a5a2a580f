//! Things that went wrong, by kind, with the first few of each by name.

const EXAMPLES = 5

export class Tally {
  readonly #kinds = new Map<string, { count: number; examples: string[] }>()

  get total(): number {
    let total = 0
    for (const { count } of this.#kinds.values()) total += count
    return total
  }

  add(kind: string, example: string): void {
    const known = this.#kinds.get(kind) ?? { count: 0, examples: [] }
    this.#kinds.set(kind, known)
    known.count++
    if (known.examples.length < EXAMPLES) known.examples.push(example)
  }

  lines(): readonly string[] {
    return [...this.#kinds]
      .toSorted(([, a], [, b]) => b.count - a.count)
      .map(([kind, { count, examples }]) => `${count} × ${kind} (${examples.join(', ')})`)
  }
}
