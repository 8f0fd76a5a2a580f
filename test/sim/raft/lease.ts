//! The kernel's side of the virtual address: an element that is gone after some time unless it is
//! renewed, and that cannot be renewed once it is gone.
//!
//! Opening takes two steps. A `pending` element is put in first; only a round of heartbeats that
//! began after it is there may open the gate, and only while it is there: a process that was
//! stopped between deciding and doing finds it expired.

import { millis } from '../../../src/base/time.ts'
import type { Raft } from '../../../src/raft/raft.ts'
import type { Ready } from '../../../src/raft/ready.ts'
import type { Member } from './member.ts'

export const LEASE_MS = 200
/** Between the process and the kernel, at most. */
const COMMAND_MS = 2

export class Lease {
  readonly #member: Member
  /** When rounds began, by the clock of the process. */
  readonly #began = new Map<number, number>()
  /** In the kernel, by the world's time. It outlives the process, not the host. */
  #openUntil = 0
  #pendingUntil = 0
  /** What the process knows. */
  #phase: 'closed' | 'pending' | 'open' = 'closed'
  #pendingAt = 0
  #renewed = 0
  opened = 0

  constructor(member: Member) {
    this.#member = member
  }

  /** The kernel lets traffic through. */
  get isOpen(): boolean {
    return this.#member.world.now < this.#openUntil
  }

  roundBegins(round: number): void {
    this.#began.set(round, this.#member.clock)
    this.#began.delete(round - 100)
  }

  /** On a planned move the gate closes before the message leaves. */
  beforeSending({ messages }: Ready): void {
    if (messages.some(({ kind }) => kind === 'timeout-now')) this.#close()
  }

  look(raft: Raft): void {
    const { confirmedRound } = raft.status()
    if (confirmedRound === undefined) return this.#close()
    const began = this.#began.get(confirmedRound)
    if (this.#phase === 'closed') return this.#pend()
    if (began === undefined || confirmedRound <= this.#renewed) return
    if (this.#phase === 'pending' && began <= this.#pendingAt) return
    this.#renewed = confirmedRound
    this.#renew(began, raft)
  }

  /** The host is down, and its kernel with it. */
  gone(): void {
    this.#openUntil = 0
    this.#pendingUntil = 0
    this.#phase = 'closed'
    this.#began.clear()
    this.#renewed = 0
  }

  #close(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#openUntil = 0
    this.#pendingUntil = 0
  }

  #pend(): void {
    const { world } = this.#member
    this.#phase = 'pending'
    this.#pendingAt = Number.POSITIVE_INFINITY
    this.#command(() => {
      if (this.#phase !== 'pending') return
      this.#pendingUntil = world.now + LEASE_MS
      this.#pendingAt = this.#member.clock
    })
  }

  #renew(began: number, raft: Raft): void {
    const { world } = this.#member
    const left = began + LEASE_MS - this.#member.clock
    if (left <= 0) return
    this.#command(() => {
      if (this.#phase === 'closed') return
      const basis = this.#phase === 'open' ? this.#openUntil : this.#pendingUntil
      if (world.now >= basis) {
        // Gone: whoever it was, somebody else may have it by now.
        this.#close()
        return this.#member.command(() => raft.resign())
      }
      if (this.#phase === 'pending') this.opened++
      this.#phase = 'open'
      this.#openUntil = world.now + left
    })
  }

  /** The process may be stopped on the way; the kernel does it at once when it is told. */
  #command(run: () => void): void {
    this.#member.soon(millis(this.#member.world.random.below(COMMAND_MS + 1)), run)
  }
}
