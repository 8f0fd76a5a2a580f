//! Runs the transaction layer in real time: an input is stepped, its outputs are carried out in
//! order, then come the inputs that were given meanwhile, then whatever is due.

import type { Cancel, Host } from '../../base/host.ts'
import { millis, type Millis } from '../../base/time.ts'
import type { LayerInput, LayerOutput } from '../transaction/layer-events.ts'
import type { TransactionLayer } from '../transaction/layer.ts'

const WAKE: LayerInput = { kind: 'wake' }

export class Pump {
  readonly #host: Host
  readonly #layer: TransactionLayer
  readonly #carryOut: (outputs: readonly LayerOutput[]) => void
  readonly #waiting: LayerInput[] = []
  #running = false
  #alarm: { readonly at: Millis; readonly cancel: Cancel } | undefined

  /** `carryOut` may feed; it must not throw. */
  constructor(
    host: Host,
    layer: TransactionLayer,
    carryOut: (outputs: readonly LayerOutput[]) => void,
  ) {
    this.#host = host
    this.#layer = layer
    this.#carryOut = carryOut
  }

  feed(input: LayerInput): void {
    if (this.#running) return void this.#waiting.push(input)
    this.#running = true
    try {
      // Whole milliseconds are exact enough, and small whole numbers cheaper to keep by thousands.
      this.#run(input, millis(Math.floor(this.#host.now())))
    } finally {
      if (this.#waiting.length > 0) this.#waiting.length = 0
      this.#running = false
    }
    this.#arm()
  }

  stop(): void {
    this.#alarm?.cancel()
    this.#alarm = undefined
  }

  /** Until nothing waits and nothing is due: the INVITE server's 100 is, when a turn ends. */
  #run(first: LayerInput, now: Millis): void {
    const waiting = this.#waiting
    let input = first
    for (;;) {
      this.#carryOut(this.#layer.step(input, now))
      for (let next = 0; next < waiting.length; next++) {
        const given = waiting[next]
        if (given !== undefined) this.#carryOut(this.#layer.step(given, now))
      }
      // An empty list has no room, and would take it anew each time.
      if (waiting.length > 0) waiting.length = 0
      const due = this.#layer.deadline()
      if (due === undefined || due > now) return
      input = WAKE
    }
  }

  /** An alarm that comes too early costs less than one that is moved with every message. */
  #arm(): void {
    const at = this.#layer.deadline()
    if (at === undefined || (this.#alarm !== undefined && this.#alarm.at <= at)) return
    this.#alarm?.cancel()
    const ring = (): void => {
      this.#alarm = undefined
      this.feed(WAKE)
    }
    this.#alarm = { at, cancel: this.#host.wake(at, ring) }
  }
}
