//! One node with its host: production Raft over a disk that takes its time.

import { assert } from '../../../src/base/assert.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { millis, type Millis } from '../../../src/base/time.ts'
import type { LogIndex, NodeId, Term } from '../../../src/raft/entry.ts'
import type { Membership } from '../../../src/raft/membership.ts'
import type { RaftMessage } from '../../../src/raft/message.ts'
import type { RaftOptions } from '../../../src/raft/options.ts'
import { Raft, type RaftStatus } from '../../../src/raft/raft.ts'
import type { Ready } from '../../../src/raft/ready.ts'
import type { World } from '../../harness/world.ts'
import type { Applied } from '../../raft/applied.ts'
import { Disk } from '../../raft/disk.ts'
import { SYNC_MS } from '../cluster/faults.ts'
import type { SimNode } from '../cluster/group.ts'
import { Lease } from '../cluster/lease.ts'
import { Process } from '../cluster/process.ts'
import { TICK_MS, TIMING } from '../cluster/timing.ts'

const BOUNDS = { inflightMax: 4, silentTicks: 20, takeOverTicks: 30, uncommittedMax: 40 }
const INBOX_MAX = 500
const BATCH_MAX = 6
/** A copy takes its time. */
const SNAPSHOT_MS = 300
/** Entries that are kept behind what is applied, for followers that are a little late. */
const KEPT = 30
const COMPACT_AT = 60

export type Observer = {
  /** After each transaction: what is on this disk. */
  stored(member: Member): void
  /** A gate has been opened, or for longer. */
  opened(): void
  led(id: NodeId, term: Term): void
}

type Waiting = { readonly term: Term; readonly settle: (applied: boolean) => void }
type Read = { readonly context: number; readonly settle: (state: Applied | undefined) => void }

export class Member implements SimNode {
  readonly id: NodeId
  readonly disk: Disk
  readonly lease: Lease
  readonly #send: (message: RaftMessage) => void
  readonly #observer: Observer
  readonly #bytesPerMessage: number
  readonly #process: Process
  syncMs = SYNC_MS
  #raft: Raft | undefined
  #inbox: RaftMessage[] = []
  /** A Ready is being written. */
  #busy = false
  #waiting = new Map<LogIndex, Waiting>()
  #reads: Read[] = []
  #ripe: { readonly index: LogIndex; readonly read: Read }[] = []
  #contexts = 0
  #copying = false

  constructor(
    world: World,
    id: NodeId,
    membership: Membership,
    bytesPerMessage: number,
    send: (message: RaftMessage) => void,
    observer: Observer,
  ) {
    this.id = id
    this.disk = new Disk(membership, 200)
    this.#process = new Process(world)
    this.lease = new Lease(this.#process, {
      opened: () => observer.opened(),
      held: () => {},
      resign: () => this.command((raft) => raft.resign()),
    })
    this.#send = send
    this.#observer = observer
    this.#bytesPerMessage = bytesPerMessage
  }

  get raft(): Raft | undefined {
    return this.#raft
  }

  get #world(): World {
    return this.#process.world
  }

  get status(): RaftStatus | undefined {
    return this.#raft?.status()
  }

  start(): void {
    assert(this.#raft === undefined, `${this.id} runs already`)
    const { random } = this.#world
    const seed = random.below(0x1_0000_0000)
    const options: RaftOptions = {
      ...TIMING,
      ...BOUNDS,
      bytesPerMessage: this.#bytesPerMessage,
      id: this.id,
      storage: this.disk,
      random: seededRandom(seed),
    }
    this.#raft = new Raft(options)
    this.lease.shut()
    this.#process.renew()
    // Of what it missed while it was busy it gets one.
    this.#process.every(TICK_MS, () => {
      if (this.#busy) return
      this.#raft?.tick()
      this.pump()
    })
    this.pump()
  }

  crash(): void {
    this.kill()
    this.lease.shut()
  }

  /** Its disk may have lost as much as if the power were gone. */
  kill(): void {
    if (this.#raft === undefined) return
    this.#raft = undefined
    this.#process.renew()
    this.#busy = false
    this.#copying = false
    this.#inbox = []
    this.lease.killed()
    this.disk.crash(this.#world.random)
    for (const { settle } of this.#waiting.values()) settle(false)
    for (const { settle } of [...this.#reads, ...this.#ripe.map(({ read }) => read)])
      settle(undefined)
    this.#waiting.clear()
    this.#reads = []
    this.#ripe = []
  }

  stop(during: Millis): void {
    if (this.#raft !== undefined) this.#process.stop(during, () => this.pump())
  }

  admits(): boolean {
    return true
  }

  receive(message: RaftMessage): void {
    if (this.#raft === undefined || this.#inbox.length >= INBOX_MAX) return
    this.#inbox.push(message)
    this.pump()
  }

  /** Settles with true once it is applied here, with false when that is not known. */
  propose(command: string, settle: (applied: boolean) => void): boolean {
    const raft = this.#idle()
    const proposed = raft?.propose([Buffer.from(command)])
    if (raft === undefined || proposed?.ok !== true) return false
    for (const index of proposed.value) {
      this.#waiting.get(index)?.settle(false)
      this.#waiting.set(index, { term: raft.status().term, settle })
    }
    this.pump()
    return true
  }

  read(settle: (state: Applied | undefined) => void): boolean {
    const raft = this.#idle()
    const context = ++this.#contexts
    if (raft?.readIndex(context).ok !== true) return false
    this.#reads.push({ context, settle })
    this.pump()
    return true
  }

  command(run: (raft: Raft) => unknown): void {
    const raft = this.#idle()
    if (raft === undefined) return
    run(raft)
    this.pump()
  }

  pump(): void {
    for (;;) {
      const raft = this.#idle()
      if (raft === undefined) return
      // As many as happen to be there at once.
      const messages = this.#inbox.splice(0, 1 + this.#world.random.below(BATCH_MAX))
      for (const message of messages) raft.step(message)
      const ready = raft.ready()
      if (ready === undefined && messages.length === 0) break
      if (ready !== undefined && !this.#carryOut(raft, ready)) return
    }
    this.#compact()
  }

  #idle(): Raft | undefined {
    return this.#busy || this.#process.isStopped ? undefined : this.#raft
  }

  /** False when the disk takes its time. */
  #carryOut(raft: Raft, ready: Ready): boolean {
    // The only voter elects itself: nobody knows of that term before it is on its disk.
    if (raft.status().term === this.disk.hardState.term) this.#tellLeading(raft)
    // The lease counts from before the heartbeats are sent.
    if (ready.round !== undefined) this.lease.roundBegins(ready.round)
    for (const message of ready.early) this.#send(message)
    this.disk.write(ready)
    if (!ready.mustSync) {
      this.#finish(raft, ready)
      return true
    }
    this.#busy = true
    const takes = millis(this.#world.random.below(this.syncMs + 1))
    this.#process.soon(takes, () => {
      this.#busy = false
      this.#finish(raft, ready)
      this.pump()
    })
    return false
  }

  #finish(raft: Raft, ready: Ready): void {
    if (ready.mustSync) this.disk.sync()
    this.#tellLeading(raft)
    if (ready.wantsSnapshot) this.#copy()
    this.lease.beforeSending(ready.messages)
    for (const message of ready.messages) this.#send(message)
    raft.advance(ready)
    this.#observer.stored(this)
    for (const { context, index } of ready.reads) this.#confirm(context, index)
    this.#settle(ready)
    this.lease.look(raft.status().confirmedRound)
  }

  #tellLeading(raft: Raft): void {
    const { id, leader, term } = raft.status()
    if (leader === id) this.#observer.led(id, term)
  }

  makeSnapshot(): void {
    const raft = this.#raft
    if (raft !== undefined) this.disk.makeSnapshot(raft.membershipAt(raft.status().applied))
  }

  #copy(): void {
    if (this.#copying) return
    this.#copying = true
    const during = millis(this.#world.random.below(SNAPSHOT_MS))
    this.#process.soon(during, () => {
      this.#copying = false
      this.makeSnapshot()
    })
  }

  #confirm(context: number, index: LogIndex): void {
    const read = this.#reads.find((each) => each.context === context)
    this.#reads = this.#reads.filter((each) => each !== read)
    if (read !== undefined) this.#ripe.push({ index, read })
  }

  #settle({ committed, snapshot }: Ready): void {
    for (const { index, term } of committed) {
      const waiting = this.#waiting.get(index)
      this.#waiting.delete(index)
      waiting?.settle(waiting.term === term)
    }
    const applied = committed.at(-1)?.index ?? snapshot?.index
    const raft = this.#raft
    if (applied !== undefined && snapshot !== undefined)
      for (const [index, { settle }] of this.#waiting)
        if (index <= applied) {
          this.#waiting.delete(index)
          settle(false)
        }
    const upTo = raft?.status().applied ?? 0
    this.#ripe = this.#ripe.filter(({ index, read }) => {
      if (index > upTo) return true
      read.settle(this.disk.state)
      return false
    })
  }

  #compact(): void {
    const raft = this.#raft
    if (raft === undefined) return
    const { applied } = raft.status()
    if (applied - this.disk.first() < COMPACT_AT) return
    const index = (applied - KEPT) as LogIndex
    this.disk.compact(index, raft.membershipAt(index))
  }
}
