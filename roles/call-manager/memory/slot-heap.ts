//! Deadlines of slots, soonest first: a binary heap in typed arrays, for what there are 100,000 of.
//! A slot is a small number that its owner gives out and takes back. Pure.

import { millis, type Millis } from '../../../src/base/time.ts'
import { grown } from './grown.ts'

const NOWHERE = -1

export class SlotHeap<S extends number> {
  #slots = new Int32Array(0)
  /** By slot: its deadline, and where in the heap it is. */
  #at = new Float64Array(0)
  #position = new Int32Array(0)
  #size = 0

  first(): S | undefined {
    return this.#size === 0 ? undefined : (this.#slots[0] as S)
  }

  at(slot: S): Millis {
    return millis(this.#atOf(slot))
  }

  /** Puts the slot at `at`, or moves it there. */
  set(slot: S, at: Millis): void {
    this.#at = grown(this.#at, slot + 1)
    this.#position = grown(this.#position, slot + 1, NOWHERE)
    this.#at[slot] = at
    if (this.#position[slot] === NOWHERE) {
      this.#slots = grown(this.#slots, this.#size + 1)
      this.#up(slot, this.#size++)
    } else this.#settle(slot, this.#position[slot] ?? 0)
  }

  remove(slot: S): void {
    const position = this.#position[slot] ?? NOWHERE
    if (position === NOWHERE) return
    this.#position[slot] = NOWHERE
    const last = this.#slots[--this.#size] ?? slot
    if (last !== slot) this.#settle(last, position)
  }

  #settle(slot: number, position: number): void {
    this.#down(slot, this.#up(slot, position))
  }

  /** Where it has come to. */
  #up(slot: number, from: number): number {
    const at = this.#atOf(slot)
    let index = from
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = this.#slots[above] ?? 0
      if (this.#atOf(parent) <= at) break
      this.#place(parent, index)
      index = above
    }
    this.#place(slot, index)
    return index
  }

  #down(slot: number, from: number): void {
    const at = this.#atOf(slot)
    let index = from
    for (;;) {
      let below = 2 * index + 1
      if (below >= this.#size) break
      const right = below + 1
      if (right < this.#size && this.#atPosition(right) < this.#atPosition(below)) below = right
      if (this.#atPosition(below) >= at) break
      this.#place(this.#slots[below] ?? 0, index)
      index = below
    }
    this.#place(slot, index)
  }

  #atPosition(position: number): number {
    return this.#atOf(this.#slots[position] ?? 0)
  }

  #atOf(slot: number): number {
    return this.#at[slot] ?? Number.POSITIVE_INFINITY
  }

  #place(slot: number, position: number): void {
    this.#slots[position] = slot
    this.#position[slot] = position
  }
}
