//! What leaves the log: the oldest of what is applied. So much of it is kept for followers that are
//! a little behind, more for one that is being sent a snapshot, and alone none at all. It goes in
//! portions: each is a part of a transaction of the thread that keeps the lease.

import { assert } from '../../base/assert.ts'
import { logIndex, type Entry, type LogIndex } from '../../raft/entry.ts'
import type { Raft } from '../../raft/raft.ts'
import { storedBytes } from '../schema/raft.ts'
import type { Snapshots, SqliteLogStorage } from './log-storage.ts'

export type Kept = {
  readonly entries: number
  /** As stored. An entry may be a hundred kilobytes: a call has two session descriptions in it. */
  readonly bytes: number
}

/** Some minutes of many calls. */
export const KEPT: Kept = { entries: 20_000, bytes: 256 << 20 }
const NOTHING: Kept = { entries: 0, bytes: 0 }

/** Of what is kept: so much more may be there, and no more goes at once; 5 to 40 ms. */
const PORTION = 0.1
/** Times as many bytes, however many entries they are, while somebody is sent a snapshot. */
const HELD = 8

export type CompactionParts = {
  readonly raft: Raft
  readonly storage: SqliteLogStorage
  readonly snapshots: Snapshots
  readonly kept: Kept
}

export class Compaction {
  readonly #parts: CompactionParts
  readonly #portion: Kept

  constructor(parts: CompactionParts) {
    const { entries, bytes } = parts.kept
    this.#parts = parts
    this.#portion = { entries: Math.ceil(entries * PORTION), bytes: Math.ceil(bytes * PORTION) }
  }

  /** Nobody will ask for what is applied, and so it need not have been written. */
  get isAlone(): boolean {
    const { voters, learners } = this.#parts.raft.status().membership
    return voters.length + learners.length === 1
  }

  /** Somebody is in the middle of a snapshot. */
  get isSending(): boolean {
    return this.#parts.raft.status().followers.some(({ state }) => state === 'snapshot')
  }

  /** All there is has been applied without being written; in the same transaction. */
  passed(last: LogIndex): void {
    this.#cut(last)
  }

  /** In the transaction that has applied these. It takes away more than they have brought. */
  applied(committed: readonly Entry[]): void {
    const last = committed.at(-1)
    if (last === undefined) return
    const { storage, kept } = this.#parts
    const { isAlone } = this
    const { entries, bytes } = isAlone ? NOTHING : kept
    const surplus = {
      entries: last.index - storage.first() + 1 - entries,
      bytes: storage.appliedBytes - bytes,
    }
    const least = isAlone ? ONE : this.#portion
    if (surplus.entries < least.entries && surplus.bytes < least.bytes) return
    const portion = {
      entries: this.#portion.entries + committed.length,
      bytes: this.#portion.bytes + committed.reduce((sum, each) => sum + storedBytes(each), 0),
    }
    this.#take(surplus, portion, logIndex(Math.min(last.index, this.#held() ?? last.index)))
  }

  /** Of what there is too much of, one entry at least. */
  #take(surplus: Kept, portion: Kept, to: LogIndex): void {
    let [index, entries, bytes] = [logIndex(0), 0, 0]
    for (const oldest of this.#parts.storage.oldest(portion.entries, to)) {
      if (entries >= surplus.entries && bytes >= surplus.bytes) break
      if (entries > 0 && bytes + oldest.bytes > portion.bytes) break
      index = oldest.index
      entries++
      bytes += oldest.bytes
    }
    if (entries > 0) this.#cut(index)
  }

  /** Who is being sent a snapshot needs what comes after it, for a time. */
  #held(): LogIndex | undefined {
    const { storage, snapshots, kept } = this.#parts
    const isTooMuch = storage.appliedBytes >= kept.bytes * HELD
    return this.isSending && !isTooMuch ? snapshots.current()?.index : undefined
  }

  #cut(index: LogIndex): void {
    const { storage, raft } = this.#parts
    const term = storage.term(index)
    assert(term !== undefined, 'what goes is still there')
    storage.compact({ index, term, membership: raft.membershipAt(index) })
  }
}

const ONE: Kept = { entries: 1, bytes: 1 }
