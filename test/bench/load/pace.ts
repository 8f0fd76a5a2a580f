//! Starts things at a rate, or as fast as a window allows, and keeps what came of them.

import { performance } from 'node:perf_hooks'

export type PaceOptions = {
  /** A second; 0 starts the next one as soon as there is room in the window. */
  readonly rate: number
  /** Under way at most. */
  readonly window: number
  readonly seconds: number
  /** Ends earlier when so many have been started; 0 for no bound. */
  readonly count: number
}

export type Outcome = {
  readonly done: number
  readonly failed: number
  /** Requests without any answer for T1, and so sent again (RFC 3261 §17.1). */
  readonly late: number
  /** The same request or final answer received twice. */
  readonly retransmitted: number
  readonly perSecond: number
  /** Milliseconds from start to end of one. */
  readonly p50: number
  readonly p99: number
  readonly reasons: Readonly<Record<string, number>>
}

const TICK_MS = 2
/** How often what waits is looked through. */
const WATCH_MS = 20
/** RFC 3261 T1. */
const T1_MS = 500
/** Nobody waits longer; what is not done by then has failed. */
const PATIENCE_MS = 8_000
const BUCKET_MS = 0.25
const BUCKETS = 40_000

type Started = {
  readonly slot: number
  at: number
  open: boolean
  /** Nothing is awaited: it is up, and stays so. */
  held: boolean
  /** When its last request is sent again, and how long that was waited for. */
  again: number
  wait: number
}

/** `begin` starts the work of a slot; `repeat` sends its last message again, as T1 demands. */
export class Pace {
  readonly #options: PaceOptions
  readonly #begin: (slot: number) => void
  readonly #repeat: (slot: number) => void
  readonly #free: number[] = []
  readonly #bySlot: (Started | undefined)[] = []
  readonly #times = new Uint32Array(BUCKETS)
  readonly #reasons: Record<string, number> = {}
  #queue: Started[] = []
  #startedCount = 0
  #held = 0
  #done = 0
  #failed = 0
  #late = 0
  #retransmitted = 0
  #began = 0
  #stopAt = 0
  #watchAt = 0

  constructor(options: PaceOptions, begin: (slot: number) => void, repeat: (slot: number) => void) {
    this.#options = options
    this.#begin = begin
    this.#repeat = repeat
    for (let slot = options.window - 1; slot >= 0; slot--) this.#free.push(slot)
  }

  done(slot: number): void {
    const started = this.#end(slot)
    if (started === undefined) return
    this.#done++
    const bucket = Math.floor((performance.now() - started.at) / BUCKET_MS)
    const index = Math.min(BUCKETS - 1, bucket)
    this.#times[index] = (this.#times[index] ?? 0) + 1
    if (this.#options.rate === 0) this.#startOne()
  }

  failed(slot: number, reason: string): void {
    if (this.#end(slot) === undefined) return
    this.#failed++
    this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1
    if (this.#options.rate === 0) this.#startOne()
  }

  hold(slot: number): void {
    const started = this.#bySlot[slot]
    if (started === undefined) return
    started.held = true
    this.#held++
  }

  /** All that were to be started are up, or have failed. */
  get isHolding(): boolean {
    const { count } = this.#options
    return this.#startedCount === count && this.#held > 0 && this.#held === this.#open()
  }

  /** It goes on after a hold; its time counts from here. */
  resume(slot: number): void {
    const started = this.#bySlot[slot]
    if (started === undefined) return
    started.at = performance.now()
    started.held = false
    this.#held--
  }

  /** It sent a request: unless something is heard within T1, that is repeated. */
  asked(slot: number): void {
    const started = this.#bySlot[slot]
    if (started === undefined) return
    started.wait = T1_MS
    started.again = performance.now() + T1_MS
  }

  /** Its request arrived: nothing is to be repeated. */
  heard(slot: number): void {
    const started = this.#bySlot[slot]
    if (started !== undefined) started.again = Infinity
  }

  retransmitted(): void {
    this.#retransmitted++
  }

  async run(): Promise<Outcome> {
    const { rate, window, seconds } = this.#options
    this.#began = performance.now()
    this.#stopAt = this.#began + seconds * 1000
    if (rate === 0) for (let count = 0; count < window; count++) this.#startOne()
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const now = performance.now()
        if (rate > 0) {
          const due = Math.floor(((now - this.#began) / 1000) * rate)
          while (this.#startedCount < due && this.#startOne());
        }
        if (now >= this.#watchAt) this.#watch(now)
        if (this.#mayStart(now) || this.#open() > 0) return
        clearInterval(timer)
        resolve()
      }, TICK_MS)
    })
    return this.#outcome(Math.min(performance.now(), this.#stopAt))
  }

  #mayStart(now: number): boolean {
    const { count } = this.#options
    return now < this.#stopAt && (count === 0 || this.#startedCount < count)
  }

  #open(): number {
    return this.#options.window - this.#free.length
  }

  /** False when the time is up, or all have been started. */
  #startOne(): boolean {
    const now = performance.now()
    if (!this.#mayStart(now)) return false
    const slot = this.#free.pop()
    this.#startedCount++
    if (slot === undefined) {
      this.#failed++
      this.#reasons['window full'] = (this.#reasons['window full'] ?? 0) + 1
      return true
    }
    const started = { slot, at: now, open: true, held: false, again: Infinity, wait: 0 }
    this.#bySlot[slot] = started
    this.#queue.push(started)
    this.#begin(slot)
    return true
  }

  #end(slot: number): Started | undefined {
    const started = this.#bySlot[slot]
    if (started === undefined) return undefined
    started.open = false
    this.#bySlot[slot] = undefined
    this.#free.push(slot)
    return started
  }

  /** Resends what waits for too long, gives up what waits for ever. */
  #watch(now: number): void {
    this.#watchAt = now + WATCH_MS
    const waiting: Started[] = []
    for (const started of this.#queue) {
      if (!started.open) continue
      if (started.held) {
        waiting.push(started)
        continue
      }
      if (now - started.at > PATIENCE_MS) {
        this.failed(started.slot, 'no answer')
        continue
      }
      if (now >= started.again) {
        this.#late++
        started.wait *= 2
        started.again = now + started.wait
        this.#repeat(started.slot)
      }
      waiting.push(started)
    }
    this.#queue = waiting
  }

  #outcome(ended: number): Outcome {
    const seconds = (ended - this.#began) / 1000
    return {
      done: this.#done,
      failed: this.#failed,
      late: this.#late,
      retransmitted: this.#retransmitted,
      perSecond: this.#done / seconds,
      p50: this.#percentile(0.5),
      p99: this.#percentile(0.99),
      reasons: this.#reasons,
    }
  }

  #percentile(share: number): number {
    let left = this.#done * share
    for (let index = 0; index < BUCKETS; index++) {
      left -= this.#times[index] ?? 0
      if (left <= 0) return index * BUCKET_MS
    }
    return BUCKETS * BUCKET_MS
  }
}
