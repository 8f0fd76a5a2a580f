//! What is asked of one session is done in the order in which it was asked, also while it is being
//! decided where that session is to be.

import type { MediaId } from '../../src/control/media-control.ts'

export class Turns {
  readonly #last = new Map<MediaId, Promise<unknown>>()

  /** Runs when all that was asked before of any of these is done. `run` never rejects. */
  async take<T>(media: readonly MediaId[], run: () => Promise<T>): Promise<T> {
    const before = media.flatMap((id) => this.#last.get(id) ?? [])
    const turn = before.length === 0 ? run() : Promise.all(before).then(run)
    for (const id of media) this.#last.set(id, turn)
    const result = await turn
    for (const id of media) if (this.#last.get(id) === turn) this.#last.delete(id)
    return result
  }
}
