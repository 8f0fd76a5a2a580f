//! Places of transactions whose connection is gone, with the process that began them or by itself.
//! Their peers are on their way back: where each is reached is asked with every message for it.

import type { FlowId, Target } from '../transaction/flow.ts'
import type { ClientKey, ServerKey } from '../transaction/keys.ts'

/** Undefined: nowhere at the moment. What was to be sent is dropped, to be repeated or not. */
export type Reach = () => FlowId | Target | undefined

export class SoughtPlaces {
  readonly #reach = new Map<FlowId, Reach>()
  readonly #ofKey = new Map<ClientKey | ServerKey, FlowId>()
  #serial = 0

  /** A name for the place, until `key`'s transaction ends. */
  add(key: ClientKey | ServerKey, reach: Reach): FlowId {
    const place = `sought|${++this.#serial}` as FlowId
    this.#reach.set(place, reach)
    this.#ofKey.set(key, place)
    return place
  }

  of(key: ClientKey | ServerKey): FlowId | undefined {
    return this.#ofKey.get(key)
  }

  /** Where that is now; any other place is itself. */
  find(to: FlowId | Target): FlowId | Target | undefined {
    if (this.#reach.size === 0 || typeof to !== 'string') return to
    const reach = this.#reach.get(to)
    return reach === undefined ? to : reach()
  }

  forget(key: ClientKey | ServerKey): void {
    const place = this.#ofKey.get(key)
    if (place === undefined) return
    this.#ofKey.delete(key)
    this.#reach.delete(place)
  }
}
