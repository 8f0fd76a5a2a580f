//! Slots by key, several to a key in the order in which they came. A slot is in one chain at most.
//! Each one knows the next and the one before, and the first one the last, so that a change costs
//! the same however many a key has: one connection may carry a hundred thousand. Pure.

import { grown } from './grown.ts'

/** In `#next` behind the last slot; in `#before` at one that is in no chain. */
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
  /** At the first slot of a chain: its last. */
  #before = new Int32Array(0)

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
    this.#before = grown(this.#before, slot + 1, END)
    this.#next[slot] = END
    const first = this.#first(key)
    if (first === END) {
      this.#before[slot] = slot
      this.#firsts.set(key, slot)
      return
    }
    const last = this.#ahead(first)
    this.#next[last] = slot
    this.#before[slot] = last
    this.#before[first] = slot
  }

  /** Takes it out of its key's chain; nothing happens when it is in none. */
  drop(key: K, slot: S): void {
    const ahead = this.#ahead(slot)
    if (ahead === END) return
    const next = this.#after(slot)
    const first = this.#first(key)
    this.#before[slot] = END
    if (first !== slot) {
      this.#next[ahead] = next
      this.#before[next === END ? first : next] = ahead
    } else if (next === END) this.#firsts.delete(key)
    else {
      this.#before[next] = ahead
      this.#firsts.set(key, next as S)
    }
  }

  #first(key: K): number {
    return this.#firsts.get(key) ?? END
  }

  #after(slot: number): number {
    return this.#next[slot] ?? END
  }

  #ahead(slot: number): number {
    return this.#before[slot] ?? END
  }
}
