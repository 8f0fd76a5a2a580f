//! Which even port of the range is opened next, and which open pair is lent next. A released pair
//! rests, longest first, and one that is still being sent to rests on: packets of an old call must
//! not be heard in a new one. Pure: opening is the host's.

import type { Random } from '../base/random.ts'

/** The even RTP port; RTCP is the odd one above it (RFC 3550 §11). */
export type PortRange = { readonly first: number; readonly last: number }

export type Pair = {
  /** When a datagram came in last. */
  lastPacketAt: number
}
type Resting<P> = { readonly pair: P; since: number }

/** A released pair is lent again after this long, and this long after its last packet. */
const REST_MS = 5_000
const COLD_MS = 2_000
/** A port that another program has is left alone for this long. */
const TAKEN_MS = 30_000
/** When nothing else is left, rather than refuse a call. */
const SHORT_REST_MS = 1_000

export class PortPool<P extends Pair> {
  /** Even ports not open, in the order they are tried: drawn at random, so nobody can guess. */
  readonly #closed: number[]
  #nextClosed = 0
  /** Found taken by another program, oldest first. */
  readonly #taken: { readonly port: number; readonly since: number }[] = []
  readonly #ready: P[] = []
  readonly #resting: Resting<P>[] = []
  #nextResting = 0
  #lent = 0
  readonly size: number

  constructor(range: PortRange, random: Random) {
    const first = range.first + (range.first % 2)
    const size = Math.max(0, Math.floor((range.last - first + 1) / 2))
    this.#closed = Array.from({ length: size }, (_, index) => first + 2 * index)
    this.size = size
    for (let index = size - 1; index > 0; index--)
      swap(this.#closed, index, random.below(index + 1))
  }

  get lent(): number {
    return this.#lent
  }
  get ready(): number {
    return this.#ready.length
  }
  get resting(): number {
    return this.#resting.length - this.#nextResting
  }
  get open(): number {
    return this.#lent + this.#ready.length + this.resting
  }

  /** An open pair for a stream; undefined when the host must open one first. */
  take(): P | undefined {
    const pair = this.#ready.pop()
    if (pair !== undefined) this.#lent++
    return pair
  }

  /** A pair was opened. */
  add(pair: P): void {
    this.#ready.push(pair)
  }

  /** A stream ended: the pair rests. */
  release(pair: P, now: number): void {
    this.#lent--
    this.#resting.push({ pair, since: now })
  }

  /**
   * Makes pairs that have rested ready, at most `count`; `pressed` cuts their rest short. Those
   * still being sent to rest on.
   */
  wake(now: number, count: number, pressed: boolean): void {
    const rest = pressed ? SHORT_REST_MS : REST_MS
    const cold = Math.min(rest, COLD_MS)
    let woken = 0
    let looked = this.resting
    while (woken < count && looked-- > 0) {
      const entry = this.#resting[this.#nextResting]
      if (entry === undefined || now - entry.since < rest) break
      this.#nextResting++
      const { pair } = entry
      if (now - pair.lastPacketAt < cold) this.#resting.push({ pair, since: now })
      else {
        this.#ready.push(pair)
        woken++
      }
    }
    if (this.#nextResting > 1024) {
      this.#resting.splice(0, this.#nextResting)
      this.#nextResting = 0
    }
  }

  /** Pairs that nobody needed for `idle` milliseconds, at most `count`. The host closes them. */
  retire(now: number, idle: number, count: number): readonly P[] {
    const retired: P[] = []
    for (;;) {
      const entry = this.#resting[this.#nextResting]
      if (entry === undefined || retired.length === count || now - entry.since < idle)
        return retired
      this.#nextResting++
      retired.push(entry.pair)
    }
  }

  /** An even port to open; undefined when every one is open or was found taken of late. */
  portToOpen(now: number): number | undefined {
    while (this.#taken[0] !== undefined && now - this.#taken[0].since >= TAKEN_MS)
      this.#closed.push(this.#taken.shift()?.port ?? 0)
    const port = this.#closed[this.#nextClosed]
    if (port !== undefined) this.#nextClosed++
    if (this.#nextClosed > 1024) {
      this.#closed.splice(0, this.#nextClosed)
      this.#nextClosed = 0
    }
    return port
  }

  /** It was closed: opened again after all the others. */
  portClosed(port: number): void {
    this.#closed.push(port)
  }

  /** Another program has it: tried again after a while. */
  portTaken(port: number, now: number): void {
    this.#taken.push({ port, since: now })
  }

  /** Ports not open. */
  get closed(): number {
    return this.#closed.length - this.#nextClosed + this.#taken.length
  }
}

function swap(ports: number[], one: number, other: number): void {
  const kept = ports[one] ?? 0
  ports[one] = ports[other] ?? 0
  ports[other] = kept
}
