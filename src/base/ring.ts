/** A bounded history: the newest `capacity` items, the oldest overwritten. */
export class Ring<T> {
  readonly #items: T[] = []
  readonly #capacity: number
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(item: T): void {
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** Oldest first. */
  *[Symbol.iterator](): Generator<T> {
    yield* this.#items.slice(this.#next)
    if (this.#next > 0 || this.#items.length === this.#capacity)
      yield* this.#items.slice(0, this.#next)
  }
}
