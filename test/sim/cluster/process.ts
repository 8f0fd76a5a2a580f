//! A process on a host of a simulated world: its clock is not quite right, and it may be stopped or
//! killed at any moment.

import type { Host } from '../../../src/base/host.ts'
import { after, millis, type Millis } from '../../../src/base/time.ts'
import type { World } from '../../harness/world.ts'

/** From one thread of a process to another. */
export class Lane {
  at = 0
  readonly waiting: { readonly life: number; readonly run: () => void }[] = []
}

export class Process {
  readonly world: World
  /** How fast its clock goes, near 1. */
  readonly pace: number
  #stoppedUntil: Millis = millis(0)
  /** Of this process: what an earlier one began is nobody's. */
  #life = 0

  constructor(world: World) {
    this.world = world
    this.pace = 1 + (world.random.below(21) - 10) / 1_000
  }

  get isStopped(): boolean {
    return this.world.now < this.#stoppedUntil
  }

  /** What its own clock says. */
  get clock(): number {
    return this.world.now * this.pace
  }

  /** It begins, or is gone: nothing that was to happen in it does. */
  renew(): void {
    this.#life++
    this.#stoppedUntil = this.world.now
  }

  /** SIGSTOP, and SIGCONT later. */
  stop(during: Millis, resumed: () => void): void {
    this.#stoppedUntil = millis(Math.max(this.#stoppedUntil, this.world.now + during))
    const life = this.#life
    this.world.at(this.#stoppedUntil, () => {
      if (life === this.#life) resumed()
    })
  }

  /** What the process does then, or once it may. */
  soon(delay: Millis, run: () => void): void {
    this.#at(after(this.world.now, delay), run)
  }

  #at(at: Millis, run: () => void): void {
    const life = this.#life
    const later = (): void => {
      if (life !== this.#life) return
      if (this.isStopped) this.world.at(this.#stoppedUntil, later)
      else run()
    }
    this.world.at(at, later)
  }

  /** As `soon`, and after what this gave to `lane` before: threads hear each other in order. */
  inOrder(lane: Lane, within: number, run: () => void): void {
    const { now, random } = this.world
    lane.at = Math.max(lane.at, now + (within * random.below(11)) / 10)
    lane.waiting.push({ life: this.#life, run })
    // One that is stopped twice gets what it missed in any order: so each runs the first there is.
    this.soon(millis(lane.at - now), () => {
      let first = lane.waiting.shift()
      while (first !== undefined && first.life !== this.#life) first = lane.waiting.shift()
      first?.run()
    })
  }

  /** What a production room in it is given of the world. */
  host(name: string): Host {
    return {
      ...this.world.host(name),
      now: () => this.world.now,
      wake: (at, run) => {
        let isDue = true
        this.#at(at, () => {
          if (isDue) run()
        })
        return () => {
          isDue = false
        }
      },
    }
  }

  /** Every `interval` by its own clock. Of what it missed while it was stopped it gets one. */
  every(interval: number, run: () => void): void {
    const life = this.#life
    const beat = (): void => {
      if (life !== this.#life) return
      if (!this.isStopped) run()
      this.world.in(millis(interval / this.pace), beat)
    }
    this.world.in(millis(this.world.random.below(interval)), beat)
  }
}
