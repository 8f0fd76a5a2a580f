//! Raft's storage in the replica's database. What was written lately is kept at hand: followers ask
//! for the same entries a moment later, and the newest term is asked for all the time.

import { assert } from '../../base/assert.ts'
import {
  logIndex,
  weight,
  type Entry,
  type HardState,
  type LogIndex,
  type Term,
} from '../../raft/entry.ts'
import type { InitialState, LogStorage } from '../../raft/log-storage.ts'
import type { Snapshot } from '../../raft/message.ts'
import type { Ready } from '../../raft/ready.ts'
import {
  bytesUpTo,
  entriesBetween,
  forgetEntries,
  lastEntry,
  membershipsInLog,
  oldestEntries,
  raftRow,
  setBase,
  setHardState,
  storedBytes,
  storeEntries,
  termAt,
  type LogBase,
} from '../schema/raft.ts'
import type { ReplicaDatabase } from './database.ts'

/** Of the newest entries, in all. */
const AT_HAND_BYTES = 4 << 20

/** Snapshots that can be sent: made, kept and read elsewhere. */
export interface Snapshots {
  current(): Snapshot | undefined
  chunk(index: LogIndex, offset: number): Uint8Array | undefined
}

export class SqliteLogStorage implements LogStorage {
  readonly #db: ReplicaDatabase
  readonly #snapshots: Snapshots
  readonly #applied: LogIndex
  #base: LogBase
  #last: LogIndex
  #appliedBytes: number
  /** Without a gap, up to the last. */
  #atHand: Entry[] = []
  #bytes = 0

  /** `applied`: how far the state in the same database has come. */
  constructor(db: ReplicaDatabase, snapshots: Snapshots, applied: LogIndex) {
    const { base } = ownRow(db)
    this.#db = db
    this.#snapshots = snapshots
    this.#applied = applied
    this.#base = base
    this.#last = lastEntry(db)?.index ?? base.index
    this.#appliedBytes = bytesUpTo(db, applied)
  }

  initial(): InitialState {
    const { hardState } = ownRow(this.#db)
    const memberships = [this.#base, ...membershipsInLog(this.#db)]
    return { hardState, applied: this.#applied, memberships }
  }

  first(): LogIndex {
    return logIndex(this.#base.index + 1)
  }

  /** Of the entries that are stored and applied. */
  get appliedBytes(): number {
    return this.#appliedBytes
  }

  /** Of those up to `last` so many, oldest first; to be read to its end, or left. */
  oldest(most: number, last: LogIndex): ReturnType<typeof oldestEntries> {
    return oldestEntries(this.#db, most, last)
  }

  last(): LogIndex {
    return this.#last
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.#base.index) return this.#base.term
    if (index < this.#base.index || index > this.#last) return undefined
    return this.#find(index)?.term ?? termAt(this.#db, index)
  }

  entries(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[] {
    const found: Entry[] = []
    let bytes = 0
    for (const entry of this.#between(from, to)) {
      bytes += weight(entry)
      if (bytes > bytesMax && found.length > 0) break
      found.push(entry)
    }
    assert(found[0]?.index === from, `entry ${from} is in the log`)
    return found
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshots.current()
  }

  chunk(index: LogIndex, offset: number): Uint8Array | undefined {
    return this.#snapshots.chunk(index, offset)
  }

  /**
   * In a transaction of the host's, which applies what is committed as well. With `isPassing` that
   * is all there is, and the same transaction compacts it: then it need not be written at all.
   */
  write({ entries, hardState, snapshot, committed }: Ready, isPassing = false): void {
    if (snapshot !== undefined) {
      forgetEntries(this.#db)
      this.#beginAt(snapshot)
    }
    if (!isPassing) {
      storeEntries(this.#db, entries, this.#last)
      for (const entry of committed) this.#appliedBytes += storedBytes(entry)
    }
    if (hardState !== undefined) setHardState(this.#db, hardState)
    const [first] = entries
    if (first === undefined) return
    this.#drop(({ index }) => index >= first.index)
    this.#last = entries.at(-1)?.index ?? this.#last
    for (const entry of entries) this.#keep(entry)
  }

  /** Entries up to there, which are applied, may go; in a transaction of the host's. */
  compact(base: LogBase): void {
    assert(base.index > this.#base.index && base.index <= this.#last, 'they are in the log')
    this.#appliedBytes -= bytesUpTo(this.#db, base.index)
    assert(this.#appliedBytes >= 0, 'what goes has been counted when it was applied')
    this.#base = base
    setBase(this.#db, base)
    this.#drop(({ index }) => index <= base.index)
  }

  #beginAt(base: LogBase): void {
    const { index, term, membership } = base
    this.#base = { index, term, membership }
    setBase(this.#db, this.#base)
    this.#last = index
    this.#appliedBytes = 0
    this.#drop(() => true)
  }

  *#between(from: LogIndex, to: LogIndex): Generator<Entry, void> {
    const kept = this.#atHand[0]?.index ?? logIndex(this.#last + 1)
    if (from < kept) yield* entriesBetween(this.#db, from, logIndex(Math.min(to, kept - 1)))
    for (let index = Math.max(from, kept); index <= to; index++) {
      const entry = this.#find(logIndex(index))
      assert(entry !== undefined, `entry ${index} is at hand`)
      yield entry
    }
  }

  #find(index: LogIndex): Entry | undefined {
    const [first] = this.#atHand
    return first === undefined ? undefined : this.#atHand[index - first.index]
  }

  #keep(entry: Entry): void {
    this.#atHand.push(entry)
    this.#bytes += weight(entry)
    if (this.#bytes <= AT_HAND_BYTES) return
    // The older half at once: each entry is moved a few times at most.
    const half = this.#atHand.length >> 1
    for (const old of this.#atHand.slice(0, half)) this.#bytes -= weight(old)
    this.#atHand = this.#atHand.slice(half)
  }

  #drop(isGone: (entry: Entry) => boolean): void {
    if (!this.#atHand.some(isGone)) return
    this.#atHand = this.#atHand.filter((entry) => !isGone(entry))
    this.#bytes = this.#atHand.reduce((sum, entry) => sum + weight(entry), 0)
  }
}

function ownRow(db: ReplicaDatabase): { readonly hardState: HardState; readonly base: LogBase } {
  const row = raftRow(db)
  assert(row !== undefined, 'a replica has a row of its own')
  return row
}
