import type { Millis } from './time.ts'

/** An entry of a `DeadlineHeap`; `position` is the heap's own, -1 when not in it. */
export type Deadline<T> = { at: Millis; readonly owner: T; position: number }

export function deadline<T>(owner: T): Deadline<T> {
  return { at: Number.POSITIVE_INFINITY as Millis, owner, position: -1 }
}

/** A binary min-heap of deadlines that can be moved and removed in O(log n) without garbage. */
export class DeadlineHeap<T> {
  readonly #entries: Deadline<T>[] = []

  get size(): number {
    return this.#entries.length
  }

  first(): Deadline<T> | undefined {
    return this.#entries[0]
  }

  /** Puts the entry at `at`, moves it there, or takes it out when `at` is undefined. */
  set(entry: Deadline<T>, at: Millis | undefined): void {
    if (at === undefined) return this.remove(entry)
    const earlier = at < entry.at
    entry.at = at
    if (entry.position === -1) {
      entry.position = this.#entries.length
      this.#entries.push(entry)
      this.#up(entry)
    } else if (earlier) this.#up(entry)
    else this.#down(entry)
  }

  remove(entry: Deadline<T>): void {
    const { position } = entry
    if (position === -1) return
    entry.position = -1
    entry.at = Number.POSITIVE_INFINITY as Millis
    const last = this.#entries.pop()
    if (last === undefined || last === entry) return
    last.position = position
    this.#entries[position] = last
    this.#up(last)
    this.#down(last)
  }

  #up(entry: Deadline<T>): void {
    let index = entry.position
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.#entries[above]
      if (parent === undefined || parent.at <= entry.at) break
      this.#entries[index] = parent
      parent.position = index
      index = above
    }
    this.#entries[index] = entry
    entry.position = index
  }

  #down(entry: Deadline<T>): void {
    const size = this.#entries.length
    let index = entry.position
    for (;;) {
      let below = 2 * index + 1
      const right = this.#entries[below + 1]
      let child = this.#entries[below]
      if (child === undefined || below >= size) break
      if (right !== undefined && right.at < child.at) {
        child = right
        below++
      }
      if (child.at >= entry.at) break
      this.#entries[index] = child
      child.position = index
      index = below
    }
    this.#entries[index] = entry
    entry.position = index
  }
}
