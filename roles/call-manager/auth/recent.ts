//! A bounded map for hot paths. Where an LRU moves an entry at every look, this one keeps two
//! generations: what is used while it is in the old one moves to the young one, and when the young
//! one is full it becomes the old one, and what the old one held is forgotten. Pure.

export class Recent<K, V> {
  readonly #half: number
  #young = new Map<K, V>()
  #old = new Map<K, V>()

  /** Holds the last half of `capacity` entries used, at least, and never more than all of it. */
  constructor(capacity: number) {
    this.#half = Math.ceil(capacity / 2)
  }

  get isEmpty(): boolean {
    return this.#young.size === 0 && this.#old.size === 0
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: K, value: V): void {
    this.#young.set(key, value)
    if (this.#young.size <= this.#half) return
    this.#old = this.#young
    this.#young = new Map()
  }

  delete(key: K): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }
}
