//! What a world has to do with the real event loop: it waits for SQLite's backup, which is
//! asynchronous, and hears of what fails where nobody waits for it.

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

  /** Something is to be waited for, or has failed. */
  get isBusy(): boolean {
    return this.#waiting.size > 0 || this.#failure !== undefined
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
  const isOver = (): boolean => world.now >= until || enough?.() === true
  while (!isOver()) {
    await inOneTurn(() => {
      if (frozen.isBusy) return false
      let events = 0
      if (!isOver()) world.pass(millis(until - world.now), () => events++ > 0)
      return !frozen.isBusy
    })
    await frozen.wait()
  }
}

/** Events of one turn of the event loop, which costs more than most events do. */
const TOGETHER = 50

/**
 * Runs `event` so many times, with all promises settled in between; not any more when it returns
 * false, or when something has asked for a turn of its own, which is to come first.
 */
function inOneTurn(event: () => boolean): Promise<void> {
  const { setImmediate: later } = globalThis
  let goesOn = true
  const counted = ((...asked: Parameters<typeof later>) => {
    goesOn = false
    return later(...asked)
  }) as typeof later
  return new Promise((resolve, reject) => {
    const one = (): void => {
      if (!goesOn) return
      try {
        goesOn = event()
      } catch (error) {
        goesOn = false
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    }
    globalThis.setImmediate = counted
    for (let left = TOGETHER; left > 0; left--) later(one)
    later(() => {
      globalThis.setImmediate = later
      // What asked for a turn has one before the next event.
      later(resolve)
    })
  })
}
