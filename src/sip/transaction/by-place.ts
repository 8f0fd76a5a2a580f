//! Transactions by where they send to: they fail, or go on elsewhere, with it. Client ones are in
//! here until they have their final answer; those that have it linger by tens of thousands. A chain
//! through them for each place, most have but one. Pure.

import type { FlowId, Target } from './flow.ts'

/** What stands in a chain; `previous` and `next` are the chain's own. */
export interface Placed<Self> {
  readonly to: FlowId | Target
  previous: Self | undefined
  next: Self | undefined
}

export class ByPlace<T extends Placed<T>> {
  readonly #first = new Map<string, T>()

  /** Places that something is under way to. */
  get size(): number {
    return this.#first.size
  }

  add(placed: T): void {
    const place = nameOf(placed.to)
    const second = this.#first.get(place)
    if (second !== undefined) second.previous = placed
    placed.next = second
    this.#first.set(place, placed)
  }

  /** Nothing happens when it is not there. */
  remove(placed: T): void {
    const { previous, next } = placed
    if (next !== undefined) next.previous = previous
    if (previous !== undefined) previous.next = next
    else {
      const place = nameOf(placed.to)
      if (this.#first.get(place) !== placed) return
      if (next === undefined) this.#first.delete(place)
      else this.#first.set(place, next)
    }
    placed.previous = undefined
    placed.next = undefined
  }

  /** The oldest first. */
  at(to: FlowId | Target): readonly T[] {
    const found: T[] = []
    for (let each = this.#first.get(nameOf(to)); each !== undefined; each = each.next)
      found.push(each)
    return found.reverse()
  }
}

/** Each name that a certificate must carry has a connection of its own. */
function nameOf(to: FlowId | Target): string {
  if (typeof to === 'string') return to
  const place = `${to.transport}:${to.host}:${to.port}`
  return to.transport === 'tls' ? `${place}:${to.serverName ?? ''}` : place
}
