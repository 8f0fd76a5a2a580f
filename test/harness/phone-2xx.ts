//! A phone's 2xx to INVITE, repeated until its ACK comes (RFC 3261 §13.3.1.4).

import { awaitAck, isAckFor, wakeAck2xx, type Ack2xx } from '../../src/sip/dialog/ack-2xx.ts'
import type { Surroundings } from './world.ts'

export class Unacknowledged {
  readonly #world: Surroundings
  readonly #repeat: () => void
  readonly #giveUp: () => void
  #waiting: Ack2xx | undefined

  constructor(world: Surroundings, cseq: number, repeat: () => void, giveUp: () => void) {
    this.#world = world
    this.#repeat = repeat
    this.#giveUp = giveUp
    this.#waiting = awaitAck(cseq, world.now)
    this.#arm(this.#waiting)
  }

  /** True when this is the ACK that was waited for. */
  acknowledge(cseq: number): boolean {
    if (this.#waiting === undefined || !isAckFor(this.#waiting, cseq)) return false
    this.#waiting = undefined
    return true
  }

  #arm(waiting: Ack2xx): void {
    this.#world.at(waiting.at, () => {
      if (this.#waiting !== waiting) return
      const step = wakeAck2xx(waiting, this.#world.now)
      this.#waiting = step.kind === 'gave-up' ? undefined : step.next
      if (step.kind === 'gave-up') return this.#giveUp()
      this.#repeat()
      this.#arm(step.next)
    })
  }
}
