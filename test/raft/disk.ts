//! The disk of one node, in memory: each `Ready` is one transaction, and those that were not made
//! to last may be gone after a crash, from some one on.

import { assert } from '../../src/base/assert.ts'
import type { Random } from '../../src/base/random.ts'
import {
  logIndex,
  term as termOf,
  weight,
  type Entry,
  type HardState,
  type LogIndex,
  type Term,
} from '../../src/raft/entry.ts'
import type { InitialState, LogStorage } from '../../src/raft/log-storage.ts'
import type { Membership, MembershipAt } from '../../src/raft/membership.ts'
import type { Snapshot } from '../../src/raft/message.ts'
import type { Chunk, Ready } from '../../src/raft/ready.ts'
import { Applied } from './applied.ts'

/** Never changed once made: a transaction makes another one. */
type Content = {
  readonly hardState: HardState
  /** Behind `base`. */
  readonly entries: readonly Entry[]
  readonly base: { readonly index: LogIndex; readonly term: Term; readonly membership: Membership }
  readonly applied: LogIndex
  readonly state: Applied
}

export class Disk implements LogStorage {
  #content: Content
  /** What may be left after a crash: the last that was made to last, and all since. */
  #possible: Content[]
  #snapshot: { readonly snapshot: Snapshot; readonly bytes: Uint8Array } | undefined
  #received: { readonly snapshot: Snapshot; bytes: Uint8Array[] } | undefined
  readonly #chunkSize: number
  syncs = 0

  constructor(membership: Membership, chunkSize = 8) {
    this.#content = {
      hardState: { term: termOf(0), vote: undefined, commit: logIndex(0) },
      entries: [],
      base: { index: logIndex(0), term: termOf(0), membership },
      applied: logIndex(0),
      state: Applied.nothing,
    }
    this.#possible = [this.#content]
    this.#chunkSize = chunkSize
  }

  get state(): Applied {
    return this.#content.state
  }

  get hardState(): HardState {
    return this.#content.hardState
  }

  get all(): readonly Entry[] {
    return this.#content.entries
  }

  initial(): InitialState {
    const { hardState, applied, base, entries } = this.#content
    const memberships: MembershipAt[] = [base]
    for (const { index, payload } of entries)
      if (payload.kind === 'membership') memberships.push({ index, membership: payload.membership })
    return { hardState, applied, memberships }
  }

  first(): LogIndex {
    return logIndex(this.#content.base.index + 1)
  }

  last(): LogIndex {
    return this.#content.entries.at(-1)?.index ?? this.#content.base.index
  }

  term(index: LogIndex): Term | undefined {
    const { base } = this.#content
    return index === base.index ? base.term : this.#at(index)?.term
  }

  entries(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[] {
    const found: Entry[] = []
    let bytes = 0
    for (let index = from; index <= to; index = logIndex(index + 1)) {
      const entry = this.#at(index)
      assert(entry !== undefined, `no entry ${index} on disk`)
      bytes += weight(entry)
      if (bytes > bytesMax && found.length > 0) return found
      found.push(entry)
    }
    return found
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshot?.snapshot
  }

  chunk(index: LogIndex, offset: number): Uint8Array | undefined {
    if (this.#snapshot?.snapshot.index !== index) return undefined
    return this.#snapshot.bytes.slice(offset, offset + this.#chunkSize)
  }

  /** Of all that is applied. */
  makeSnapshot(membership: Membership): Snapshot {
    const { applied: index, state } = this.#content
    const term = this.term(index)
    assert(term !== undefined, 'what is applied last has a term')
    const bytes = state.bytes()
    this.#snapshot = { snapshot: { index, term, membership, size: bytes.length }, bytes }
    return this.#snapshot.snapshot
  }

  /** Entries up to `index` are no longer kept. */
  compact(index: LogIndex, membership: Membership): void {
    const { base, entries, applied } = this.#content
    assert(index <= applied, 'only what is applied may go')
    const term = this.term(index)
    if (index <= base.index || term === undefined) return
    const kept = entries.filter((each) => each.index > index)
    this.#write({ ...this.#content, base: { index, term, membership }, entries: kept })
  }

  /** What was written lasts. */
  sync(): void {
    this.syncs++
    this.#possible = [this.#content]
  }

  /** One transaction. It lasts once `sync` is called. */
  write({ chunks, snapshot, entries, hardState, committed }: Ready): void {
    for (const chunk of chunks) this.#receive(chunk)
    let content = this.#content
    if (snapshot !== undefined) content = this.#restored(content, snapshot)
    const first = entries[0]
    if (first !== undefined) {
      const before = content.entries.filter(({ index }) => index < first.index)
      content = { ...content, entries: [...before, ...entries] }
    }
    content = { ...content, hardState: hardState ?? content.hardState }
    let { state, applied } = content
    for (const entry of committed) {
      assert(entry.index === applied + 1, `${entry.index} is applied after ${applied}`)
      state = state.after(entry)
      applied = entry.index
    }
    this.#write({ ...content, state, applied })
  }

  /** The power is gone: what was not made to last is lost, from some transaction on. */
  crash(random: Random): void {
    const left = this.#possible[random.below(this.#possible.length)]
    assert(left !== undefined, 'a disk has something on it')
    this.#content = left
    this.#possible = [left]
    this.#received = undefined
    this.#snapshot = undefined
  }

  #write(content: Content): void {
    this.#content = content
    this.#possible.push(content)
  }

  #at(index: LogIndex): Entry | undefined {
    return this.#content.entries[index - this.#content.base.index - 1]
  }

  #receive({ snapshot, offset, data }: Chunk): void {
    if (offset === 0) this.#received = { snapshot, bytes: [] }
    const received = this.#received
    assert(received !== undefined, 'the first chunk comes first')
    const length = received.bytes.reduce((sum, part) => sum + part.length, 0)
    assert(length === offset, `a chunk at ${offset}, ${length} bytes are here`)
    received.bytes.push(data)
  }

  #restored(content: Content, snapshot: Snapshot): Content {
    const bytes = Buffer.concat(this.#received?.bytes ?? [])
    assert(bytes.length === snapshot.size, 'the snapshot is complete')
    this.#received = undefined
    const { index, term, membership } = snapshot
    const base = { index, term, membership }
    return { ...content, base, entries: [], applied: index, state: Applied.from(bytes) }
  }
}
