//! Slots by key, several to a key in the order in which they came. A slot is in one chain at most.
//! Pure.

import { grown } from './grown.ts'

const END = -1

/** Keeps the first slot of each key: a `Map`, or what is outside of the heap. */
export type Firsts<K, S extends number> = {
  get(key: K): S | undefined
  set(key: K, slot: S): unknown
  delete(key: K): unknown
}

export class SlotChains<K, S extends number> {
  readonly #firsts: Firsts<K, S>
  #next = new Int32Array(0)

  constructor(firsts: Firsts<K, S> = new Map()) {
    this.#firsts = firsts
  }

  has(key: K): boolean {
    return this.#firsts.get(key) !== undefined
  }

  of(key: K): S[] {
    const slots: S[] = []
    for (let slot = this.#first(key); slot !== END; slot = this.#after(slot)) slots.push(slot as S)
    return slots
  }

  append(key: K, slot: S): void {
    this.#next = grown(this.#next, slot + 1)
    this.#next[slot] = END
    let last = this.#first(key)
    if (last === END) return void this.#firsts.set(key, slot)
    while (this.#after(last) !== END) last = this.#after(last)
    this.#next[last] = slot
  }

  drop(key: K, slot: S): void {
    let before = this.#first(key)
    if (before === slot) {
      const next = this.#after(slot)
      if (next === END) this.#firsts.delete(key)
      else this.#firsts.set(key, next as S)
      return
    }
    while (before !== END && this.#after(before) !== slot) before = this.#after(before)
    if (before !== END) this.#next[before] = this.#after(slot)
  }

  #first(key: K): number {
    return this.#firsts.get(key) ?? END
  }

  #after(slot: number): number {
    return this.#next[slot] ?? END
  }
}
