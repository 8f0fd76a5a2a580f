//! What is to happen in a simulated world, by time; what falls on one instant happens in the order
//! it was asked for.

import type { Millis } from '../../src/base/time.ts'

export type Event = {
  readonly at: Millis
  readonly order: number
  /** Undefined once it was called off. */
  run: (() => void) | undefined
}

export class EventQueue {
  readonly #heap: Event[] = []
  #order = 0

  /** Called-off events included, until their time comes. */
  get size(): number {
    return this.#heap.length
  }

  first(): Event | undefined {
    return this.#heap[0]
  }

  add(at: Millis, run: () => void): Event {
    const event: Event = { at, order: this.#order++, run }
    const heap = this.#heap
    let index = heap.length
    heap.push(event)
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, event)) break
      heap[index] = parent
      index = above
    }
    heap[index] = event
    return event
  }

  removeFirst(): void {
    const heap = this.#heap
    const moved = heap.pop()
    if (moved === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      const left = heap[below]
      const right = heap[below + 1]
      if (left === undefined) break
      let child = left
      if (right !== undefined && isBefore(right, left)) {
        child = right
        below++
      }
      if (isBefore(moved, child)) break
      heap[index] = child
      index = below
    }
    heap[index] = moved
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
