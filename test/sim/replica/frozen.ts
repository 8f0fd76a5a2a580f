//! What a world has to do with the real event loop: it waits for SQLite's backup, which is
//! asynchronous, and hears of what fails where nobody waits for it.

export class Frozen {
  #failure: Error | undefined
  readonly #waiting = new Set<Promise<unknown>>()

  /** The world stands still until `work` is done. */
  add<T>(work: Promise<T>): Promise<T> {
    const done = work.finally(() => this.#waiting.delete(done))
    // Whoever asked for it hears of its failure.
    done.catch(() => {})
    this.#waiting.add(done)
    return done
  }

  /** What nobody waits for; its failure is the world's. */
  watch(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error))
    })
  }

  /** Throws when something has failed. */
  async wait(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    while (this.#waiting.size > 0) await Promise.allSettled(this.#waiting)
  }
}
