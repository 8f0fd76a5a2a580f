//! Messages that are sent again until something comes back, as RFC 3261 §17 has it over UDP.

const T1_MS = 500
const T2_MS = 4_000
const TICK_MS = 50

type Repeated = {
  readonly send: () => void
  readonly since: number
  at: number
  interval: number
}

export type RepeatsOptions = {
  readonly now: () => number
  /** 64*T1 without an answer. */
  readonly onGivenUp: (key: string) => void
}

export class Repeats {
  readonly #open = new Map<string, Repeated>()
  readonly #options: RepeatsOptions
  readonly #timer: NodeJS.Timeout
  #sentAgain = 0

  constructor(options: RepeatsOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  get sentAgain(): number {
    return this.#sentAgain
  }

  /** Sends now, and again until `stop`. */
  start(key: string, send: () => void): void {
    const since = this.#options.now()
    this.#open.set(key, { send, since, at: since + T1_MS, interval: T1_MS })
    send()
  }

  stop(key: string): void {
    this.#open.delete(key)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#open.clear()
  }

  #tick(): void {
    const now = this.#options.now()
    for (const [key, repeated] of this.#open) {
      if (now < repeated.at) continue
      if (now - repeated.since > 64 * T1_MS) {
        this.#open.delete(key)
        this.#options.onGivenUp(key)
        continue
      }
      this.#sentAgain++
      repeated.interval = Math.min(2 * repeated.interval, T2_MS)
      repeated.at = now + repeated.interval
      repeated.send()
    }
  }
}
