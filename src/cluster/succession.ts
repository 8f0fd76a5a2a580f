//! Who led last, and why another does: as far as one node can know, in words. Pure.

import { millis, type Millis } from '../base/time.ts'
import type { NodeId } from '../control/ids.ts'

/** An election is over by then; who leads later does so for another reason. */
const FRESH_FOR = millis(5_000)

export type Elected = {
  readonly leader: NodeId
  readonly term: number
  readonly self: NodeId
  readonly isConnected: (node: NodeId) => boolean
}

export class Succession {
  #last: { readonly leader: NodeId; readonly term: number } | undefined
  #leaving: { readonly node: NodeId; readonly why: string; readonly at: Millis } | undefined

  /** Now, or before there was nobody. */
  get last(): NodeId | undefined {
    return this.#last?.leader
  }

  /** It has said that it leads no more, and why. */
  leaves(node: NodeId, why: string, now: Millis): void {
    this.#leaving = { node, why, at: now }
  }

  /** Why, of a leader that was not known the moment before. */
  elected(elected: Elected, now: Millis): string {
    const { leader, term, self } = elected
    const before = this.#last
    const cause = this.#cause(elected, now)
    this.#last = { leader, term }
    this.#leaving = undefined
    const who = leader === self ? 'this node' : leader
    if (before === undefined) return `${who} is the first to lead since this node began`
    if (before.leader === leader && before.term === term) return `${who} is heard of again`
    return `${who} was elected: ${cause}`
  }

  #cause({ leader, self, isConnected }: Elected, now: Millis): string {
    const before = this.#last?.leader
    const { node, why, at } = this.#leaving ?? {}
    const who = before === self ? 'this node' : (before ?? 'nobody')
    if (node === before && at !== undefined && now - at < FRESH_FOR) return `${who} ${why}`
    if (before === self) return 'this node was not heard of by most others in time'
    if (before === leader) return 'it had not been heard of by most others in time'
    if (before !== undefined && !isConnected(before)) return `${who} is not connected any more`
    return `${who} was not heard of in time`
  }
}
