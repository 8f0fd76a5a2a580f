//! When this node may have the virtual address: for `lease` from the moment a round of heartbeats
//! began that most nodes have answered (ADR 9). What the kernel is told, one thing at a time:
//!
//!     shut ──leads──> pending ──a round that began since──> open ──each round──> open
//!      ^                 |                                   |
//!      +─────────────────+── leads no more, or refused ──────+
//!
//! The kernel refuses to open once `pending` has expired, and to renew once the lease has: whatever
//! happened to this process between deciding and doing, somebody else may have the address by now.

import { assert } from '../../base/assert.ts'
import type { Machine } from '../../base/machine.ts'
import { after, millis, type Millis } from '../../base/time.ts'

export type LeaseInput =
  /** Just before the heartbeats of the round are sent. */
  | { readonly kind: 'round-begins'; readonly round: number }
  /** `confirmedRound` of Raft's status, after anything has changed. */
  | { readonly kind: 'confirmed'; readonly round: number | undefined }
  /** Of the command that is under way. */
  | { readonly kind: 'done'; readonly ok: boolean }

export type LeaseOutput =
  | { readonly kind: 'pend' | 'open' | 'renew'; readonly timeout: Millis }
  /** Goes behind the command that is under way, and has no `done`. */
  | { readonly kind: 'close' }
  /** The address is ours from now on, or not any more. */
  | { readonly kind: 'held' | 'lost' }
  /** Somebody else may have been elected: let there be an election. */
  | { readonly kind: 'resign' }

/** Rounds whose answers may still come. */
const ROUNDS_MAX = 100

export class Lease implements Machine<LeaseInput, LeaseOutput> {
  readonly #lease: Millis
  #state: 'shut' | 'pending' | 'open' = 'shut'
  #busy: 'pend' | 'open' | 'renew' | undefined
  /** The answer to what is under way is of a time that is over. */
  #stale = false
  readonly #began = new Map<number, Millis>()
  #confirmed: number | undefined
  /** When the kernel had been told: a round that began earlier proves nothing. */
  #pendingSince: Millis = millis(0)
  /** The round that the kernel was last told of. */
  #told = 0
  /** How long that round lasts, and how long the one does that the kernel has taken. */
  #toldUntil: Millis = millis(0)
  #until: Millis = millis(0)

  constructor(lease: Millis) {
    this.#lease = lease
  }

  /** As far as this node has heard: it may have been stopped since. */
  get isHeld(): boolean {
    return this.#state === 'open'
  }

  /** Nobody else can have the address at `now`. */
  holdsAt(now: Millis): boolean {
    return this.isHeld && now < this.#until
  }

  step(input: LeaseInput, now: Millis): readonly LeaseOutput[] {
    switch (input.kind) {
      case 'round-begins':
        this.#began.set(input.round, now)
        this.#began.delete(input.round - ROUNDS_MAX)
        return []
      case 'confirmed':
        this.#confirmed = input.round
        return input.round === undefined ? this.#shut() : this.#next(now)
      case 'done':
        return this.#done(input.ok, now)
    }
  }

  deadline(): Millis | undefined {
    return undefined
  }

  #shut(): readonly LeaseOutput[] {
    if (this.#state === 'shut' && this.#busy === undefined) return []
    const wasHeld = this.#state === 'open'
    this.#state = 'shut'
    this.#stale = this.#busy !== undefined
    return wasHeld ? [{ kind: 'close' }, { kind: 'lost' }] : [{ kind: 'close' }]
  }

  #done(ok: boolean, now: Millis): readonly LeaseOutput[] {
    const command = this.#busy
    assert(command !== undefined, 'an answer to nothing')
    this.#busy = undefined
    const isStale = this.#stale
    this.#stale = false
    if (isStale) return this.#next(now)
    // Opening came too late, and is begun anew; who cannot even pend has no gate to open.
    if (!ok) return command === 'open' ? this.#again(now) : [...this.#shut(), { kind: 'resign' }]
    if (command === 'pend') {
      this.#state = 'pending'
      this.#pendingSince = now
      return this.#next(now)
    }
    const isNews = this.#state !== 'open'
    this.#state = 'open'
    this.#until = this.#toldUntil
    const news: readonly LeaseOutput[] = isNews ? [{ kind: 'held' }] : []
    return [...news, ...this.#next(now)]
  }

  #again(now: Millis): readonly LeaseOutput[] {
    this.#state = 'shut'
    return this.#next(now)
  }

  #next(now: Millis): readonly LeaseOutput[] {
    const round = this.#confirmed
    if (this.#busy !== undefined || round === undefined) return []
    if (this.#state === 'shut') return this.#tell('pend', this.#lease)
    const began = this.#began.get(round)
    if (began === undefined || round <= this.#told) return []
    const until = after(began, this.#lease)
    const left = millis(Math.floor(until - now))
    if (left <= 0) return []
    if (this.#state === 'pending' && began <= this.#pendingSince) return []
    this.#told = round
    this.#toldUntil = until
    return this.#tell(this.#state === 'pending' ? 'open' : 'renew', left)
  }

  #tell(kind: 'pend' | 'open' | 'renew', timeout: Millis): readonly LeaseOutput[] {
    this.#busy = kind
    return [{ kind, timeout }]
  }
}
