//! A deterministic world: one virtual clock, one seed, and a trace of all that was recorded. The
//! same seed gives the same trace.

import { createHash } from 'node:crypto'
import type { Cancel, Host, LogLevel } from '../../src/base/host.ts'
import { seededRandom, type Random } from '../../src/base/random.ts'
import { Ring } from '../../src/base/ring.ts'
import { after, millis, wallTime, type Millis } from '../../src/base/time.ts'
import { EventQueue } from './event-queue.ts'

/** Wall time at the world's beginning: 2026-01-01T00:00:00Z. */
const EPOCH = 1_767_225_600_000
const TAIL = 80
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** What phones need of a world: the real one has it too. */
export type Surroundings = Pick<World, 'now' | 'at' | 'in' | 'host'>

export class World {
  readonly random: Random
  readonly #events = new EventQueue()
  readonly #hash = createHash('sha256')
  readonly #tail = new Ring<string>(TAIL)
  #now: Millis = millis(0)

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  get now(): Millis {
    return this.#now
  }

  /** What a production room is given of the real world, made of this one. */
  host(name: string, logFrom: LogLevel = 'warn'): Host {
    const recorded = new Set(LEVELS.slice(LEVELS.indexOf(logFrom)))
    return {
      now: () => this.#now,
      // A whole number, as the real one.
      wall: () => wallTime(EPOCH + Math.floor(this.#now)),
      random: seededRandom(this.random.below(0x1_0000_0000)),
      wake: (at, run) => this.at(at, run),
      log: (level, event, fields) => {
        if (recorded.has(level)) this.record(`${name} ${event} ${JSON.stringify(fields ?? {})}`)
      },
    }
  }

  at(at: Millis, run: () => void): Cancel {
    const event = this.#events.add(millis(Math.max(at, this.#now)), run)
    return () => {
      event.run = undefined
    }
  }

  in(delay: Millis, run: () => void): Cancel {
    return this.at(after(this.#now, delay), run)
  }

  /** Lets `delay` pass, or what is left of it when `enough` comes true. */
  pass(delay: Millis, enough?: () => boolean): void {
    const until = after(this.#now, delay)
    for (let first = this.#events.first(); first !== undefined; first = this.#events.first()) {
      if (enough?.() === true) return
      if (first.at > until) break
      this.#events.removeFirst()
      this.#now = first.at
      first.run?.()
    }
    this.#now = until
  }

  record(line: string): void {
    const stamped = `${this.#now} ${line}\n`
    this.#hash.update(stamped)
    this.#tail.push(stamped)
  }

  /** Of everything recorded until now. */
  digest(): string {
    return this.#hash.copy().digest('hex')
  }

  /** The newest lines of the trace, for a failing test's message. */
  tail(): string {
    return [...this.#tail].join('')
  }
}
