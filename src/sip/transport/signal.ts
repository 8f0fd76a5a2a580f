//! News for whoever listens, in the order they came to listen.

import type { Cancel, Subscribe } from '../../base/host.ts'

export class Signal<Event> {
  #listeners: readonly ((event: Event) => void)[] = []

  readonly subscribe: Subscribe<Event> = (listener): Cancel => {
    this.#listeners = [...this.#listeners, listener]
    return () => {
      this.#listeners = this.#listeners.filter((each) => each !== listener)
    }
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) listener(event)
  }
}
