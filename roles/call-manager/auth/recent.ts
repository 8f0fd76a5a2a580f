//! A bounded map for hot paths. Where an LRU moves an entry at every look, this one keeps two
//! generations: what is used while it is in the old one moves to the young one, and when the young
//! one is full it becomes the old one, and what the old one held is forgotten. Pure.

/** What a generation is kept in. */
export type Generation<K, V> = {
  readonly size: number
  get(key: K): V | undefined
  set(key: K, value: V): unknown
  delete(key: K): unknown
  clear(): void
}

export class Recent<K, V> {
  readonly #half: number
  readonly #make: () => Generation<K, V>
  #young: Generation<K, V>
  #old: Generation<K, V>

  /** Holds the last half of `capacity` entries used, at least, and never more than all of it. */
  constructor(capacity: number, make: () => Generation<K, V> = () => new Map<K, V>()) {
    this.#half = Math.ceil(capacity / 2)
    this.#make = make
    this.#young = make()
    this.#old = make()
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
    this.#young = this.#make()
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
