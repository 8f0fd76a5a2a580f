//! One replica: Raft, and the state that its log makes.
//!
//!     proposals ─ seal, encode ─> raft ─ Ready ─> one transaction: log, term, state ─> outcomes
//!                                  ^  └────────> messages ─> peers ─> messages ─┐
//!                                  +────────────────────────────────────────────+
//!
//! Synchronous; the thread around it decides when, and how many proposals make a batch.

import { assert } from '../../base/assert.ts'
import type { Entry, LogIndex, Term } from '../../raft/entry.ts'
import type { RaftMessage } from '../../raft/message.ts'
import type { Raft, RaftStatus } from '../../raft/raft.ts'
import { isToStore, type Ready } from '../../raft/ready.ts'
import { StoreFault } from '../errors.ts'
import {
  digestOf,
  remember,
  remembered,
  setApplied,
  setDigest,
  setDiverged,
} from '../schema/replica.ts'
import type { Release } from '../schema/version.ts'
import type { Command } from '../store.ts'
import type { Vault } from '../vault.ts'
import { decode, encode, type Sealed } from './codec.ts'
import { Compaction, type Kept } from './compaction.ts'
import { Comparison } from './comparison.ts'
import type { ReplicaDatabase } from './database.ts'
import type { SqliteLogStorage } from './log-storage.ts'
import { Outstanding, type Slot } from './outstanding.ts'
import type { Outcomes, Proposal } from './protocol.ts'
import { sealed } from './seal.ts'
import type { SnapshotFiles } from './snapshot-files.ts'
import type { StateDigest } from './state-digest.ts'
import { Upgrade, type SchemaStanding, type UpgradeParts } from './upgrade.ts'

export type ReplicaParts = {
  readonly db: ReplicaDatabase
  readonly vault: Vault
  readonly storage: SqliteLogStorage
  readonly raft: Raft
  readonly snapshots: SnapshotFiles
  readonly digest: StateDigest
  readonly release: Release
  readonly kept: Kept
  /** Entries between two comparisons of the states of all nodes. */
  readonly compareEvery: number
  /** Each proposal's, in the order in which they were made. */
  readonly onOutcomes: (outcomes: Outcomes) => void
  readonly send: (messages: readonly RaftMessage[]) => void
  /** A round of heartbeats is about to be sent: a lease may count from now. */
  readonly onRound?: ((round: number) => void) | undefined
  /** Of other members; alone there are none. */
  readonly knows?: UpgradeParts['knows'] | undefined
}

export class Replica {
  readonly #parts: ReplicaParts
  readonly #outstanding: Outstanding
  /** What this node proposed, so that it need not be read from the log again. */
  readonly #own = new Map<LogIndex, Own>()
  readonly #reads = new Map<number, { readonly term: Term; readonly slot: Slot }>()
  /** Confirmed, and waiting for what they are to see. */
  #ripe: { readonly index: LogIndex; readonly slot: Slot }[] = []
  readonly #comparison: Comparison
  readonly #upgrade: Upgrade
  readonly #compaction: Compaction
  #contexts = 0
  /** Not taken yet: office is being handed over. As many as may wait for an outcome. */
  #held: readonly Held[] = []
  /** The term in which it leads. */
  #office: Term | undefined

  constructor(parts: ReplicaParts) {
    this.#parts = parts
    this.#outstanding = new Outstanding(parts.onOutcomes)
    this.#comparison = new Comparison(parts.digest, parts.compareEvery)
    this.#compaction = new Compaction(parts)
    this.#upgrade = new Upgrade({ ...parts, knows: parts.knows ?? nobodyKnows })
    this.#pump()
  }

  get status(): RaftStatus {
    return this.#parts.raft.status()
  }

  /** The newest entry after which the state here was found to be the leader's; 0 for none. */
  get compared(): number {
    return this.#comparison.compared
  }

  /** Why who is too far behind is not brought up to date; undefined when nothing is in the way. */
  get trouble(): string | undefined {
    return this.#parts.snapshots.trouble
  }

  get schema(): SchemaStanding {
    return this.#upgrade.standing(this.status)
  }

  /** The schema that whoever becomes a member has to know. */
  get promised(): number {
    return this.#upgrade.promised
  }

  propose(proposals: readonly Proposal[]): void {
    const { vault } = this.#parts
    const made: Held[] = []
    for (const { command, key } of proposals) {
      const slot = this.#outstanding.open()
      if (command === undefined) this.#read(slot)
      else made.push({ slot, own: { command: sealed(command, vault), key } })
    }
    this.#held = [...this.#held, ...made]
    this.#pump()
  }

  receive(messages: readonly RaftMessage[]): void {
    for (const message of messages) this.#parts.raft.step(message)
    this.#pump()
  }

  tick(): void {
    const { raft, snapshots, storage } = this.#parts
    raft.tick()
    this.#pump()
    // Behind one that is older than the log nobody could go on.
    snapshots.tick((index) => this.#compaction.isSending && storage.term(index) !== undefined)
  }

  /** Something that only Raft knows of: a change of the membership, a transfer, an election. */
  ask<T>(question: (raft: Raft) => T): T {
    const answer = question(this.#parts.raft)
    this.#pump()
    return answer
  }

  #read(slot: Slot): void {
    const context = ++this.#contexts
    const { term } = this.status
    if (this.#parts.raft.readIndex(context).ok) this.#reads.set(context, { term, slot })
    else slot.outcome = { failure: 'no-leader' }
  }

  /**
   * To Raft. While office is being handed over it takes nothing: who was told so now would tell its
   * phone that nobody serves, when another does in a moment, or this node again.
   */
  #offer(): void {
    const held = this.#held
    if (held.length === 0) return
    const { raft } = this.#parts
    const proposed = raft.propose(held.map(({ own }) => encode(own)))
    const { term, role } = raft.status()
    if (!proposed.ok && proposed.error.kind === 'not-leader' && role === 'leader') return
    this.#held = []
    for (const [place, { slot, own }] of held.entries()) {
      if (proposed.ok) this.#keep(proposed.value[place], { term, slot, own })
      else
        slot.outcome = {
          failure: proposed.error.kind === 'overloaded' ? 'overloaded' : 'no-leader',
        }
    }
  }

  #keep(index: LogIndex | undefined, own: Own): void {
    assert(index !== undefined, 'each command has its place')
    const before = this.#own.get(index)
    if (before !== undefined) before.slot.outcome = { failure: 'timeout' }
    this.#own.set(index, own)
  }

  #pump(): void {
    const { raft } = this.#parts
    this.#offer()
    do {
      for (let ready = raft.ready(); ready !== undefined; ready = raft.ready()) {
        this.#orMarked(() => this.#carryOut(ready))
        raft.advance(ready)
      }
    } while (this.#tellDigest() || this.#proposeUpgrade())
    this.#settle()
    this.#outstanding.flush()
  }

  /** A state that is found to be wrong is marked: a restart must not go on with it. */
  #orMarked(work: () => void): void {
    const { db } = this.#parts
    try {
      work()
    } catch (error) {
      if (error instanceof StoreFault && error.code === 'diverged')
        db.transaction(() => setDiverged(db, error.message))
      throw error
    }
  }

  /** In the order that `ready.ts` asks for. A fault is thrown, and then the process ends. */
  #carryOut(ready: Ready): void {
    const { db, snapshots, raft, send } = this.#parts
    const { snapshot } = ready
    if (ready.round !== undefined) this.#parts.onRound?.(ready.round)
    if (ready.early.length > 0) send(ready.early)
    for (const chunk of ready.chunks) snapshots.receive(chunk)
    const schema = snapshot && snapshots.attach(snapshot)
    // Most bring heartbeats only, or answers to them.
    if (isToStore(ready)) db.transaction(() => this.#store(ready, schema))
    if (snapshot !== undefined) snapshots.detach()
    if (ready.wantsSnapshot) snapshots.make((index) => raft.membershipAt(index))
    if (ready.messages.length > 0) send(ready.messages)
    for (const { context, index } of ready.reads) this.#confirm(context, index)
  }

  #store(ready: Ready, schema: number | undefined): void {
    const { db, storage, digest } = this.#parts
    if (schema !== undefined) this.#takeOver(schema)
    const isPassing = this.#isPassing(ready)
    storage.write(ready, isPassing)
    for (const entry of ready.committed) this.#apply(entry)
    const last = ready.committed.at(-1)
    if (last === undefined) return
    setApplied(db, { index: last.index, term: last.term, digest: digest.value })
    if (isPassing) this.#compaction.passed(last.index)
    else this.#compaction.applied(ready.committed)
  }

  /** What has been copied is counted: it must be what its sender had. */
  #takeOver(schema: number): void {
    const { db, snapshots, digest } = this.#parts
    this.#upgrade.raise(schema)
    digest.replaced(() => snapshots.takeOver())
    const sent = digestOf(db)
    const { value } = digest
    if (sent !== undefined && sent !== value) {
      const found = `a snapshot of the state ${sent} has arrived as ${value}`
      throw new StoreFault('corrupt', `${found}: check the disks and the memory of both nodes`)
    }
    setDigest(db, value)
  }

  /** As leader: what the state here is, for the others to compare. True when it is in the log. */
  #tellDigest(): boolean {
    const { raft } = this.#parts
    const command = this.#comparison.next()
    if (command === undefined || this.#compaction.isAlone || this.status.role !== 'leader')
      return false
    if (!raft.propose([encode({ command, key: undefined })]).ok) return false
    this.#comparison.told(command)
    return true
  }

  /** As leader: what is due when all know it. True when it is in the log. */
  #proposeUpgrade(): boolean {
    if (!this.#upgrade.isDue) return false
    const { raft } = this.#parts
    const status = raft.status()
    const command = status.role === 'leader' ? this.#upgrade.next(status) : undefined
    if (command === undefined) return false
    if (!raft.propose([encode({ command, key: undefined })]).ok) return false
    this.#upgrade.proposed(command, status.term)
    return true
  }

  #confirm(context: number, index: LogIndex): void {
    const read = this.#reads.get(context)
    this.#reads.delete(context)
    if (read !== undefined) this.#ripe.push({ index, slot: read.slot })
  }

  /** Reads whose state is here; and all that rests on leading, when this node does not any more. */
  #settle(): void {
    const { applied, role, term } = this.status
    this.#ripe = this.#ripe.filter(({ index, slot }) => {
      if (index > applied) return true
      slot.outcome = { index: applied, refusal: undefined }
      return false
    })
    const office = role === 'leader' ? term : undefined
    if (office === this.#office) return
    this.#office = office
    for (const [context, read] of this.#reads)
      if (read.term !== office) {
        this.#reads.delete(context)
        read.slot.outcome = { failure: 'no-leader' }
      }
    // Another leader may commit them, or take them out: who asked is not to wait for that.
    for (const [index, own] of this.#own)
      if (own.term !== office) {
        this.#own.delete(index)
        own.slot.outcome = { failure: 'timeout' }
      }
  }

  #apply({ index, term, payload }: Entry): void {
    const own = this.#own.get(index)
    const isOurs = own?.term === term
    if (isOurs) this.#own.delete(index)
    if (payload.kind === 'command') {
      const { command, key } = isOurs ? own.own : decode(payload.data)
      if (command.kind === 'state.digest') this.#comparison.compare(command)
      else if (command.kind === 'schema.migrate') this.#upgrade.apply(command)
      else {
        const done = this.#applyOnce(command, key, index)
        if (isOurs) own.slot.outcome = done
      }
    }
    this.#comparison.applied(index, payload.kind === 'empty')
  }

  #applyOnce(command: Command, key: Sealed['key'], index: LogIndex): Done {
    const { db } = this.#parts
    if (key === undefined) return { index, refusal: this.#change(command) }
    const before = remembered(db, key)
    if (before !== undefined) return before
    const refusal = this.#change(command)
    remember(db, key, index, refusal)
    return { index, refusal }
  }

  #change(command: Command): string | undefined {
    const { db, release } = this.#parts
    const changes = db.changes
    const refusal = release.apply(db, command)
    const wrote = db.changes !== changes
    assert(refusal === undefined || !wrote, `${command.kind} was refused after it had written`)
    return refusal
  }

  /** Alone: what is stored now is applied and compacted in the same transaction. */
  #isPassing({ entries, committed }: Ready): boolean {
    const { storage } = this.#parts
    const isEmpty = storage.first() > storage.last()
    const isAll = entries.at(-1)?.index === committed.at(-1)?.index
    return isEmpty && isAll && this.#compaction.isAlone
  }
}

const nobodyKnows = (): undefined => undefined

type Held = { readonly slot: Slot; readonly own: Sealed }
type Own = { readonly term: Term; readonly slot: Slot; readonly own: Sealed }
type Done = { readonly index: LogIndex; readonly refusal: string | undefined }
