//! A node with the production replica on its real database, its store and the lease, in a process
//! that may be stopped or killed at any moment, also in the middle of a commit.

import { assert } from '../../../src/base/assert.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { millis, type Millis } from '../../../src/base/time.ts'
import type { NodeId } from '../../../src/raft/entry.ts'
import type { Membership } from '../../../src/raft/membership.ts'
import type { RaftMessage } from '../../../src/raft/message.ts'
import type { Raft, RaftStatus } from '../../../src/raft/raft.ts'
import { ReadConnection } from '../../../src/store/database.ts'
import { faultOf } from '../../../src/store/errors.ts'
import { storeOf } from '../../../src/store/open.ts'
import { ReplicaClient } from '../../../src/store/replica/client.ts'
import {
  DATABASE,
  openReplica,
  type Bounds,
  type OpenReplica,
} from '../../../src/store/replica/open-replica.ts'
import type { Kept } from '../../../src/store/replica/compaction.ts'
import type { Outcomes, Proposal, ToReplica } from '../../../src/store/replica/protocol.ts'
import type { SchemaStanding } from '../../../src/store/replica/upgrade.ts'
import type { Store } from '../../../src/store/store.ts'
import { objectionTo } from '../../../src/cluster/join/release.ts'
import { PeerSchemas } from '../../../src/cluster/peer-schemas.ts'
import { RELEASE } from '../../../src/store/schema/schema.ts'
import { newestOf, type Release } from '../../../src/store/schema/version.ts'
import { join } from 'node:path'
import { SYNC_MS } from '../cluster/faults.ts'
import type { SimNode } from '../cluster/group.ts'
import { Lease } from '../cluster/lease.ts'
import { Lane, Process } from '../cluster/process.ts'
import { TICK_MS, TIMING } from '../cluster/timing.ts'
import type { World } from '../../harness/world.ts'
import { PowerLoss, SimDisk } from './disk.ts'
import type { Frozen } from './frozen.ts'
import type { Homes } from './home.ts'
import { SimLink, type Cut } from './sim-link.ts'

const INBOX_MAX = 500
/** A copy takes its time, and so does a message between threads. */
const COPY_MS = 300
const THREAD_MS = 1
const BUSY_MAX = 3_000
/** Who is connected. */
const LOOK_MS = 200
/** Who ended by a fault is begun again. */
const AGAIN_MS = 2_000
const PLACE = { compareEvery: 20, timing: TIMING, patience: 100 }

export type NodeOptions = {
  readonly world: World
  readonly homes: Homes
  readonly frozen: Frozen
  readonly id: NodeId
  readonly membership: Membership
  readonly bounds: Bounds
  readonly chunk: number
  readonly kept: Kept
  readonly send: (message: RaftMessage) => void
  /** Where nodes are of more than one release. */
  readonly peers?: Peers | undefined
  readonly observer: Observer
}

export type Peers = {
  readonly nodes: () => readonly ReplicaNode[]
  readonly cut: () => Cut
}

export type Observer = {
  /** After a call of the replica: it has applied more, or has another role. */
  readonly stored: (node: ReplicaNode) => void
  /** A commit: the settings it has written. */
  readonly committed: (id: NodeId, written: readonly string[]) => void
  /** A gate has been opened, or for longer. */
  readonly opened: () => void
  /** A process that is to serve, or is not any more. */
  readonly held?: (node: ReplicaNode, isHeld: boolean) => void
}

type Running = {
  readonly replica: OpenReplica
  readonly client: ReplicaClient
  readonly reader: ReadConnection
  readonly store: Store
}

export class ReplicaNode implements SimNode {
  readonly id: NodeId
  readonly lease: Lease
  readonly disk: SimDisk
  readonly process: Process
  syncMs = SYNC_MS
  /** Its next process's. */
  release: Release = RELEASE
  /** Until it has been opened once. */
  #isNew = true
  readonly #link: SimLink | undefined
  /** Processes that ended by a fault of the disk, or in the middle of something. */
  ended = 0
  lastTerm = 0
  readonly #options: NodeOptions
  #running: Running | undefined
  #told = ''
  #inbox: RaftMessage[] = []
  #asked: Proposal[] = []
  readonly #toReplica = new Lane()
  readonly #fromReplica = new Lane()
  #busyUntil: Millis = millis(0)
  /** How long the commits of this call of the replica have taken. */
  #spent = 0

  constructor(options: NodeOptions) {
    const { world, id, homes, observer } = options
    this.#options = options
    this.id = id
    this.process = new Process(world)
    this.disk = new SimDisk(homes, world.random, {
      committed: (written) => {
        // A disk that stalls is well again before many commits have come to it in one call.
        this.#spent = Math.min(this.#spent + world.random.below(this.syncMs + 1), BUSY_MAX)
        observer.committed(id, written)
      },
      copy: (copy) => this.#copy(copy),
    })
    this.#link = this.#linkTo(options.peers)
    this.lease = new Lease(this.process, {
      opened: () => observer.opened(),
      held: (isHeld) => observer.held?.(this, isHeld),
      resign: () => this.command((raft) => raft.resign()),
    })
  }

  get status(): RaftStatus | undefined {
    return this.#running?.replica.replica.status
  }

  get compared(): number {
    return this.#running?.replica.replica.compared ?? 0
  }

  /** Undefined while it is down. */
  get schema(): SchemaStanding | undefined {
    return this.#running?.replica.replica.schema
  }

  /** As a joining host is let in or not. */
  admits(id: NodeId): boolean {
    const release = this.#options.peers?.nodes().find((node) => node.id === id)?.release
    const promised = this.#running?.replica.replica.promised
    if (release === undefined || promised === undefined) return true
    return objectionTo(newestOf(release), promised) === undefined
  }

  /** Undefined while it is down. */
  get store(): Store | undefined {
    return this.#running?.store
  }

  start(): void {
    assert(this.#running === undefined, `${this.id} runs already`)
    this.process.renew()
    this.lease.shut()
    this.#busyUntil = millis(0)
    this.#link?.begin()
    this.#work(() => {
      this.#running = this.#open()
    })
    if (this.#running === undefined) return
    this.disk.opened()
    if (this.#link !== undefined) this.process.every(LOOK_MS, () => this.#link?.look())
    this.process.every(TICK_MS, () => {
      if (this.isBusy) return
      this.#inThread(({ replica }) => replica.tick())
      this.#pump()
    })
  }

  crash(): void {
    this.kill()
    this.lease.shut()
  }

  kill(): void {
    if (this.#running === undefined) return
    this.disk.cut()
    this.#end()
  }

  /** Told to stop, it closes its files. */
  shutDown(): void {
    if (this.#running !== undefined) this.#end()
  }

  stop(during: Millis): void {
    if (this.#running !== undefined) this.process.stop(during, () => this.#pump())
  }

  receive(message: RaftMessage): void {
    if (this.#running === undefined || this.#inbox.length >= INBOX_MAX) return
    this.#inbox.push(message)
    this.#pump()
  }

  command(run: (raft: Raft) => unknown): void {
    if (!this.isBusy) this.#inThread(({ replica }) => replica.ask(run))
  }

  /** It is stopped, or waits for its disk. */
  get isBusy(): boolean {
    return this.process.isStopped || this.#now < this.#busyUntil
  }

  get #now(): Millis {
    return this.#options.world.now
  }

  #linkTo(peers: Peers | undefined): SimLink | undefined {
    if (peers === undefined) return undefined
    const others = (): readonly SimLink[] =>
      peers.nodes().flatMap((node) => (node === this || !node.#link ? [] : [node.#link]))
    return new SimLink(this.#options.world, this.id, others, peers.cut)
  }

  #open(): Running {
    const { world, id, membership, bounds, chunk, kept } = this.#options
    const random = seededRandom(world.random.below(0x1_0000_0000))
    const { release } = this
    const file = { addon: undefined, through: this.disk.through, release }
    const link = this.#link
    const own = newestOf(release)
    const schemas = link && new PeerSchemas({ host: this.process.host(id), link, own })
    const host = {
      onOutcomes: (outcomes: Outcomes) => this.#tell(outcomes),
      send: (messages: readonly RaftMessage[]) => this.#send(messages),
      // A lease that counts from before the commits of this call is the shorter for it.
      onRound: (round: number) => this.lease.roundBegins(round),
      knows: (member: NodeId) => schemas?.of(member),
      onFault: (error: unknown) => this.#options.frozen.watch(this.#copyFailed(error)),
    }
    const isNew = this.#isNew
    const place = { ...PLACE, id, membership, isNew, random, bounds, chunk, kept }
    const replica = openReplica(this.disk.home, file, host, place)
    this.#isNew = false
    const ask = (message: ToReplica): void => this.#ask(message)
    const client = new ReplicaClient(this.process.host(id), ask)
    const reader = ReadConnection.open(join(this.disk.home, DATABASE), { addon: undefined })
    const store = storeOf(client, reader, () => Promise.resolve())
    return { replica, client, reader, store }
  }

  /** From the thread that proposes. */
  #ask(message: ToReplica): void {
    // As between threads: what is a Buffer here is none there.
    const copy = structuredClone(message)
    this.process.inOrder(this.#toReplica, THREAD_MS, () => {
      if (copy.kind === 'propose') this.#asked.push(...copy.proposals)
      this.#pump()
    })
  }

  #tell(outcomes: Outcomes): void {
    this.#then(() => {
      const tell = (): void => this.#running?.client.onOutcomes(outcomes)
      this.process.inOrder(this.#fromReplica, THREAD_MS, tell)
    })
  }

  #send(messages: readonly RaftMessage[]): void {
    this.lease.beforeSending(messages)
    const { world, send } = this.#options
    // Whatever becomes of this process: it is gone when the commits up to here are through.
    for (const message of messages) world.in(millis(this.#spent), () => send(message))
  }

  #pump(): void {
    while (!this.isBusy && this.#inbox.length + this.#asked.length > 0) {
      const [messages, proposals] = [this.#inbox.splice(0), this.#asked.splice(0)]
      if (messages.length > 0) this.#inThread(({ replica }) => replica.receive(messages))
      if (proposals.length === 0) continue
      if (this.isBusy) this.#asked.unshift(...proposals)
      else this.#inThread(({ replica }) => replica.propose(proposals))
    }
  }

  #inThread(run: (open: OpenReplica) => void): void {
    const running = this.#running
    if (running === undefined) return
    this.#work(() => run(running.replica))
    const { status } = this
    if (status === undefined) return
    this.lastTerm = status.term
    const news = `${status.applied} ${status.term} ${status.role}`
    if (news !== this.#told) this.#options.observer.stored(this)
    this.#told = news
    this.#then(() => this.lease.look(status.confirmedRound))
  }

  /** Until its commits are through the thread does nothing else. */
  #work(run: () => void): void {
    this.#spent = 0
    try {
      run()
    } catch (error) {
      return this.#failed(error)
    }
    this.#busyUntil = millis(this.#now + this.#spent)
    if (this.#spent > 0) this.process.soon(millis(this.#spent), () => this.#pump())
  }

  /** When the commits up to here are through. */
  #then(run: () => void): void {
    this.process.soon(millis(this.#spent), run)
  }

  async #copy(copy: () => Promise<void>): Promise<void> {
    const { world, frozen } = this.#options
    const { promise, resolve } = Promise.withResolvers<void>()
    this.process.soon(millis(world.random.below(COPY_MS)), resolve)
    await promise
    if (this.#running !== undefined) await frozen.add(copy())
  }

  /** Whatever its disk does to a copy ends no process. */
  async #copyFailed(error: unknown): Promise<void> {
    throw error
  }

  /** What is meant to happen ends the process; anything else is a bug, and ends the world. */
  #failed(error: unknown): void {
    const { code, cause } = faultOf(error, this.disk.home)
    const isPowerLoss = [error, cause].some((each) => each instanceof PowerLoss)
    const isMeant = this.disk.isFaulty && (code === 'disk-full' || code === 'io-error')
    if (!isMeant && !isPowerLoss) throw error
    this.ended++
    if (isPowerLoss) this.lease.shut()
    this.disk.cut()
    this.#end()
    const { world } = this.#options
    world.in(millis(1 + world.random.below(AGAIN_MS)), () => {
      if (this.#running === undefined) this.start()
    })
  }

  #end(): void {
    const running = this.#running
    this.#running = undefined
    this.process.renew()
    this.lease.killed()
    this.#options.observer.held?.(this, false)
    this.#inbox = []
    this.#asked = []
    this.#link?.end()
    running?.client.abandon()
    running?.reader.close()
    running?.replica.close()
    this.disk.closed()
  }
}
