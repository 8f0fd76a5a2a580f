//! What a world has to do with the real event loop: it waits for SQLite's backup, which is
//! asynchronous, and hears of what fails where nobody waits for it.

import { setImmediate as turn } from 'node:timers/promises'
import { after, millis } from '../../../src/base/time.ts'
import type { World } from '../../harness/world.ts'

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

/** Lets time pass: after each event whatever waits for it runs, and the world waits for that. */
export async function passing(
  world: World,
  frozen: Frozen,
  ms: number,
  enough?: () => boolean,
): Promise<void> {
  const until = after(world.now, millis(ms))
  while (world.now < until && enough?.() !== true) {
    let events = 0
    world.pass(millis(until - world.now), () => events++ > 0)
    await turn()
    await frozen.wait()
  }
}
