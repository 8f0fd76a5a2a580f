//! A phone's reliable provisional response, repeated until its PRACK comes (RFC 3262 §3). There is
//! one at a time; a 2xx waits for it when it holds an offer.

import { millis } from '../../src/base/time.ts'
import type { Surroundings } from './world.ts'

const T1 = 500

export class ReliableRinging {
  readonly #world: Surroundings
  #rseq = 0
  #waits = false
  readonly #after: (() => void)[] = []

  constructor(world: Surroundings) {
    this.#world = world
  }

  get waits(): boolean {
    return this.#waits
  }

  /** `send` is given the RSeq; false ends it. */
  begin(send: (rseq: number) => boolean): void {
    this.#waits = true
    this.#repeat(++this.#rseq, send, T1)
  }

  /** What is done when the PRACK has come. */
  onPrack(run: () => void): void {
    this.#after.push(run)
  }

  /** True when this is the PRACK that was waited for. */
  acknowledge(rseq: number | undefined): boolean {
    if (!this.#waits || rseq !== this.#rseq) return false
    this.#waits = false
    return true
  }

  goOn(): void {
    for (const run of this.#after.splice(0)) run()
  }

  #repeat(rseq: number, send: (rseq: number) => boolean, interval: number): void {
    if (!this.#waits || rseq !== this.#rseq || interval > 64 * T1 || !send(rseq)) return
    this.#world.in(millis(interval), () => this.#repeat(rseq, send, interval * 2))
  }
}
