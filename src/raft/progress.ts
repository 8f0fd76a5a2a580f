//! How far a follower is, as its leader knows it.
//!
//!     probe ──an entry agreed──> replicate        one message at a time until the logs agree;
//!       ^                            |            then as many on their way as the bound allows
//!       +──refused──────────────────+
//!       +──too far behind──> snapshot ──taken──> probe

import { logIndex, next, type LogIndex } from './entry.ts'

export type Sending = {
  readonly index: LogIndex
  /** Of the next chunk, in bytes. */
  offset: number
  /** The newest round when it was sent: what a later round finds unanswered is lost. */
  sentInRound: number
  /** Behind the last chunk that was sent nothing is left. */
  isWhole: boolean
  /** The tick at which the follower was heard last. */
  heardAt: number
}

export class Progress {
  #match = logIndex(0)
  #next: LogIndex
  #state: 'probe' | 'replicate' = 'probe'
  /** In `probe`: the one message is on its way. */
  #asked = false
  /** The newest round when it was sent: an answer to a later one finds it lost. */
  #askedInRound = 0
  /** In `replicate`: the last entry of each message that has no answer, in order. */
  #inflight: LogIndex[] = []
  readonly #inflightMax: number
  #sending: Sending | undefined
  /** The newest heartbeat it has answered. */
  #round = 0
  /** Up to where it has been told that entries are committed. */
  told = logIndex(0)

  constructor(first: LogIndex, inflightMax: number) {
    this.#next = first
    this.#inflightMax = inflightMax
  }

  /** All up to here is on its disk. */
  get match(): LogIndex {
    return this.#match
  }

  /** The first that it may not have. */
  get next(): LogIndex {
    return this.#next
  }

  get round(): number {
    return this.#round
  }

  get sending(): Sending | undefined {
    return this.#sending
  }

  get state(): 'probe' | 'replicate' | 'snapshot' {
    return this.#sending === undefined ? this.#state : 'snapshot'
  }

  get inflight(): number {
    return this.#inflight.length
  }

  /** Nothing more may be sent until it answers. */
  get isPaused(): boolean {
    if (this.#sending !== undefined) return true
    return this.#state === 'probe' ? this.#asked : this.#inflight.length >= this.#inflightMax
  }

  /** A message with entries up to `last` has been sent; without any, `last` is undefined. */
  sent(last: LogIndex | undefined, round: number): void {
    if (this.#state === 'probe') this.#ask(round)
    else if (last !== undefined) {
      this.#next = next(last)
      this.#inflight.push(last)
    }
  }

  /** True when that is news. */
  accepted(match: LogIndex): boolean {
    const isNews = match > this.#match
    if (isNews) this.#match = match
    this.#next = logIndex(Math.max(this.#next, match + 1))
    if (this.#sending !== undefined && match >= this.#sending.index) this.#sending = undefined
    if (this.#sending !== undefined) return isNews
    if (this.#state === 'probe') {
      this.#asked = false
      this.#state = 'replicate'
      this.#inflight = []
      this.#next = next(this.#match)
    }
    const left = this.#inflight.findIndex((last) => last > match)
    this.#inflight = left === -1 ? [] : this.#inflight.slice(left)
    return isNews
  }

  /** True unless the refusal is an old one. The next try begins behind `agreed`. */
  refused(previous: LogIndex, agreed: LogIndex): boolean {
    if (this.#sending !== undefined || previous <= this.#match) return false
    if (this.#state === 'probe' && previous !== this.#next - 1) return false
    this.#probeFrom(logIndex(Math.max(this.#match, Math.min(agreed, previous - 1)) + 1))
    return true
  }

  heard(round: number, tick: number): void {
    this.#round = Math.max(this.#round, round)
    if (this.#sending !== undefined) this.#sending.heardAt = tick
    if (round > this.#askedInRound) this.#asked = false
  }

  sendSnapshot(index: LogIndex, tick: number): Sending {
    this.#sending = { index, offset: 0, sentInRound: 0, isWhole: false, heardAt: tick }
    return this.#sending
  }

  /** There is none yet, or the follower is silent: it is asked again when it answers. */
  waitForSnapshot(round: number): void {
    this.giveUpSnapshot()
    this.#ask(round)
  }

  /** There is no such snapshot any more. */
  giveUpSnapshot(): void {
    this.#sending = undefined
    this.#probeFrom(next(this.#match))
  }

  #ask(round: number): void {
    this.#asked = true
    this.#askedInRound = round
  }

  #probeFrom(from: LogIndex): void {
    this.#state = 'probe'
    this.#asked = false
    this.#inflight = []
    this.#next = from
  }
}
