//! A node as its host runs it: carries out each `Ready` in the order that is asked for.

import { seededRandom, type Random } from '../../src/base/random.ts'
import type { NodeId } from '../../src/raft/entry.ts'
import type { Membership } from '../../src/raft/membership.ts'
import type { RaftMessage } from '../../src/raft/message.ts'
import type { RaftOptions } from '../../src/raft/options.ts'
import { Raft } from '../../src/raft/raft.ts'
import type { Ready } from '../../src/raft/ready.ts'
import { Disk } from './disk.ts'

export type Timing = Omit<RaftOptions, 'id' | 'storage' | 'random'>

export const TIMING: Timing = {
  heartbeatTicks: 2,
  electionMinTicks: 10,
  electionMaxTicks: 20,
  bytesPerMessage: 200,
  inflightMax: 3,
  silentTicks: 16,
  takeOverTicks: 24,
  uncommittedMax: 50,
}

export class Node {
  readonly id: NodeId
  readonly disk: Disk
  readonly #options: RaftOptions
  raft: Raft

  constructor(id: NodeId, membership: Membership, random: Random, timing: Timing = TIMING) {
    this.id = id
    this.disk = new Disk(membership)
    this.#options = { ...timing, id, storage: this.disk, random }
    this.raft = new Raft(this.#options)
  }

  /** Carries out one `Ready`; false when there was none. */
  work(send: (message: RaftMessage) => void, seen: (ready: Ready) => void = () => {}): boolean {
    const ready = this.raft.ready()
    if (ready === undefined) return false
    seen(ready)
    for (const message of ready.early) send(message)
    this.disk.write(ready)
    if (ready.mustSync) this.disk.sync()
    if (ready.wantsSnapshot) this.takeSnapshot()
    for (const message of ready.messages) send(message)
    this.raft.advance(ready)
    return true
  }

  takeSnapshot(): void {
    this.disk.makeSnapshot(this.raft.membershipAt(this.raft.status().applied))
  }

  crash(random: Random = seededRandom(1)): void {
    this.disk.crash(random)
  }

  restart(): void {
    this.raft = new Raft(this.#options)
  }
}
