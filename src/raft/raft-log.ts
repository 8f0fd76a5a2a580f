//! The log as the algorithm sees it: what is in storage, and behind it what is not there yet.
//!
//!     first ........ stable | unstable ...... last        applied <= committed <= last

import { assert } from '../base/assert.ts'
import { logIndex, next, weight, type Entry, type LogIndex, type Term } from './entry.ts'
import type { LogStorage } from './log-storage.ts'
import type { Membership, MembershipAt } from './membership.ts'
import { NOBODY } from './membership.ts'
import type { Ballot, Snapshot } from './message.ts'

export class RaftLog {
  readonly #storage: LogStorage
  /** In log order, without a gap; the first of them may stand in place of stored ones. */
  #unstable: Entry[] = []
  /** The last that is stored and in force. */
  #stable: LogIndex
  #committed: LogIndex
  #applied: LogIndex
  /** A snapshot on its way to storage: with it the log begins anew. */
  #restoring: Snapshot | undefined
  #memberships: MembershipAt[]

  constructor(storage: LogStorage) {
    const { hardState, applied, memberships } = storage.initial()
    this.#storage = storage
    this.#stable = storage.last()
    this.#applied = applied
    this.#committed = logIndex(Math.max(hardState.commit, applied))
    this.#memberships = [...memberships]
    assert(this.#committed <= this.#stable, 'what is committed is in the log')
  }

  get last(): LogIndex {
    return this.#unstable.at(-1)?.index ?? this.#stable
  }

  get committed(): LogIndex {
    return this.#committed
  }

  get applied(): LogIndex {
    return this.#applied
  }

  get stable(): LogIndex {
    return this.#stable
  }

  /** The newest in the log, committed or not. */
  get membership(): Membership {
    return this.#memberships.at(-1)?.membership ?? NOBODY
  }

  /** Where it stands in the log. */
  get membershipIndex(): LogIndex {
    return this.#memberships.at(-1)?.index ?? logIndex(0)
  }

  /** The one that counts after the entry at `index`: a snapshot taken there bears it. */
  membershipAt(index: LogIndex): Membership {
    return this.#memberships.findLast((each) => each.index <= index)?.membership ?? NOBODY
  }

  /** Undefined when it has been compacted away, or is not there yet. */
  term(index: LogIndex): Term | undefined {
    const unstable = this.#unstable[0]
    if (unstable !== undefined && index >= unstable.index)
      return this.#unstable[index - unstable.index]?.term
    if (this.#restoring !== undefined)
      return index === this.#restoring.index ? this.#restoring.term : undefined
    return index > this.#stable ? undefined : this.#storage.term(index)
  }

  get lastTerm(): Term {
    const term = this.term(this.last)
    assert(term !== undefined, 'the last entry has a term')
    return term
  }

  get ballot(): Ballot {
    return { lastIndex: this.last, lastTerm: this.lastTerm }
  }

  /** §5.4.1: the later term in its last entry, else the longer log. */
  isNoNewerThan({ lastIndex, lastTerm }: Ballot): boolean {
    if (lastTerm !== this.lastTerm) return lastTerm > this.lastTerm
    return lastIndex >= this.last
  }

  /** False when the entries before `index` have been compacted away. */
  reachesBackTo(index: LogIndex): boolean {
    return this.term(logIndex(index - 1)) !== undefined
  }

  /** From `from`, as many as weigh no more than `bytesMax`, and one at least where there is one. */
  entriesFrom(from: LogIndex, bytesMax: number): readonly Entry[] {
    if (from > this.last) return []
    return this.#between(from, this.last, bytesMax)
  }

  /** By the leader, behind all there is. */
  append(entry: Entry): void {
    assert(entry.index === next(this.last), 'a log has no gaps')
    this.#add(entry)
  }

  /**
   * What the leader sent, with what agrees already passed over and what contradicts it taken out
   * (figure 2, AppendEntries 3 and 4).
   */
  merge(entries: readonly Entry[]): void {
    for (const [place, entry] of entries.entries()) {
      if (this.term(entry.index) === entry.term) continue
      this.#truncate(entry.index)
      for (const each of entries.slice(place)) this.#add(each)
      return
    }
  }

  commitTo(index: LogIndex): void {
    if (index <= this.#committed) return
    assert(index <= this.last, `commit of ${index}, but the log ends at ${this.last}`)
    this.#committed = index
  }

  /**
   * The last place at or before `index` whose term is not above `term`: where two logs may agree.
   * It spares a leader asking for one place after another (§5.3, the optimisation).
   */
  lastUpToTerm(index: LogIndex, term: Term): { readonly index: LogIndex; readonly term: Term } {
    let at = index
    for (;;) {
      const there = this.term(at)
      // Compacted entries are committed: from there on the logs agree.
      if (there === undefined || there <= term) return { index: at, term: there ?? (0 as Term) }
      at = logIndex(at - 1)
    }
  }

  /** The log begins anew behind what the snapshot holds. */
  restore(snapshot: Snapshot): void {
    const { index, membership } = snapshot
    assert(index > this.#committed, 'a snapshot does not take back what is committed')
    this.#unstable = []
    this.#restoring = snapshot
    this.#stable = index
    this.#committed = index
    this.#memberships = [{ index, membership }]
  }

  /** What storage has to take. */
  get unstable(): readonly Entry[] {
    return this.#unstable
  }

  get restoring(): Snapshot | undefined {
    return this.#restoring
  }

  /** What the state machine has to see next. */
  unapplied(bytesMax: number): readonly Entry[] {
    const from = next(this.#restoring?.index ?? this.#applied)
    return from > this.#committed ? [] : this.#between(from, this.#committed, bytesMax)
  }

  /** Storage has taken these, the state machine has seen those. */
  advance(stored: LogIndex | undefined, applied: LogIndex | undefined): void {
    if (this.#restoring !== undefined) this.#applied = this.#restoring.index
    this.#restoring = undefined
    if (stored !== undefined) {
      assert(stored <= this.last, 'what was stored is in the log')
      this.#unstable = this.#unstable.filter(({ index }) => index > stored)
      this.#stable = stored
    }
    if (applied !== undefined) this.#applied = applied
  }

  #between(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[] {
    const boundary = this.#unstable[0]?.index ?? next(this.#stable)
    if (from >= boundary)
      return light(this.#unstable.slice(from - boundary, to - boundary + 1), bytesMax)
    const stored = this.#storage.entries(from, logIndex(Math.min(to, boundary - 1)), bytesMax)
    const last = stored.at(-1)
    assert(last !== undefined, `entries from ${from} are not in storage`)
    if (to < boundary || last.index !== boundary - 1) return stored
    return light([...stored, ...this.#unstable.slice(0, to - boundary + 1)], bytesMax)
  }

  #add(entry: Entry): void {
    this.#unstable.push(entry)
    const { index, payload } = entry
    if (payload.kind === 'membership')
      this.#memberships.push({ index, membership: payload.membership })
  }

  #truncate(from: LogIndex): void {
    assert(from > this.#committed, `entry ${from} is committed and would be overwritten`)
    this.#unstable = this.#unstable.filter(({ index }) => index < from)
    this.#memberships = this.#memberships.filter(({ index }) => index < from)
    this.#stable = logIndex(Math.min(this.#stable, from - 1))
  }
}

/** The first of them, and those after it that weigh no more than `bytesMax` with it. */
function light(entries: readonly Entry[], bytesMax: number): readonly Entry[] {
  let bytes = 0
  for (const [place, entry] of entries.entries()) {
    bytes += weight(entry)
    if (bytes > bytesMax && place > 0) return entries.slice(0, place)
  }
  return entries
}
