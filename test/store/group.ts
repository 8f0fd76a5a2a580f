//! Three replicas on real disks, and what goes between them: everything arrives, in order.

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../src/base/assert.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { NodeId } from '../../src/raft/entry.ts'
import { NOBODY, type Membership } from '../../src/raft/membership.ts'
import type { RaftMessage } from '../../src/raft/message.ts'
import { WriteConnection } from '../../src/store/database.ts'
import type { Kept } from '../../src/store/replica/compaction.ts'
import { openReplica, type OpenReplica } from '../../src/store/replica/open-replica.ts'
import type { Outcomes } from '../../src/store/replica/protocol.ts'
import { RELEASE } from '../../src/store/schema/schema.ts'
import { newestOf, type Release } from '../../src/store/schema/version.ts'
import { dumpOf } from '../harness/dump.ts'
import { newHome } from './home.ts'

export const IDS = ['a', 'b', 'c'] as NodeId[]
/** Behind what is applied. */
const KEPT: Kept = { entries: 500, bytes: 1 << 20 }
export const COMPARE_EVERY = 20
/** Of a snapshot: more than one. */
const CHUNK = 32_768
/** Ticks for which a copy is kept that nobody needs, and after which one is tried again. */
export const PATIENCE = 100
const MEMBERSHIP: Membership = { voters: IDS, learners: [] }

export class Group {
  readonly homes = new Map(IDS.map((id) => [id, newHome()]))
  readonly nodes = new Map<NodeId, OpenReplica>()
  readonly outcomes: Outcomes[] = []
  chunks = 0
  /** Hears nobody, and is not heard. */
  cut: NodeId | undefined
  /** Chunks of snapshots are lost on their way. */
  losesChunks = false
  kept = KEPT
  #queue: RaftMessage[] = []
  readonly #releases = new Map<NodeId, Release>()

  /** Again, when it runs. */
  start(id: NodeId, release = RELEASE, membership = MEMBERSHIP): void {
    this.stop(id)
    const isNew = !this.#releases.has(id)
    this.#releases.set(id, release)
    const [home = '', first = ''] = [id, IDS[0]].map((each) => this.homes.get(each as NodeId))
    // As whoever joins is given it.
    if (home !== first) copyFileSync(join(first, 'secret.key'), join(home, 'secret.key'))
    const host = {
      onOutcomes: (outcomes: Outcomes) => void this.outcomes.push(outcomes),
      send: (messages: readonly RaftMessage[]) => {
        this.chunks += messages.filter(({ kind }) => kind === 'snapshot').length
        const isLost = ({ kind }: RaftMessage): boolean => this.losesChunks && kind === 'snapshot'
        this.#queue.push(...messages.filter((message) => !isLost(message)))
      },
      onFault: (error: unknown) => {
        throw error
      },
      knows: (other: NodeId) => (id === this.cut ? undefined : this.#knownBy(other)),
    }
    const random = seededRandom(IDS.indexOf(id))
    const place = {
      id,
      membership,
      isNew,
      kept: this.kept,
      compareEvery: COMPARE_EVERY,
      chunk: CHUNK,
      random,
      patience: PATIENCE,
    }
    this.nodes.set(id, openReplica(home, { addon: undefined, release }, host, place))
  }

  /** One more, which only listens; by nobody asked what it knows. */
  join(id: NodeId, release: Release): void {
    this.homes.set(id, newHome())
    this.start(id, release, NOBODY)
    this.leader.ask((raft) => raft.change({ ...MEMBERSHIP, learners: [id] }))
  }

  stop(id: NodeId): void {
    this.nodes.get(id)?.close()
    this.nodes.delete(id)
  }

  /** Everything under way arrives; who is away misses it. */
  run(): void {
    while (this.#queue.length > 0) {
      const arriving = this.#queue.splice(0)
      for (const [id, { replica }] of this.nodes) {
        const batch = arriving.filter(({ from, to }) => to === id && !this.#isCut(from, to))
        if (batch.length > 0) replica.receive(batch)
      }
    }
  }

  #isCut(from: NodeId, to: NodeId): boolean {
    return from !== to && (from === this.cut || to === this.cut)
  }

  /** As long as there is a connection to it. */
  #knownBy(id: NodeId): number | undefined {
    const release = this.#releases.get(id)
    const isUp = this.nodes.has(id) && id !== this.cut
    return isUp && release !== undefined ? newestOf(release) : undefined
  }

  tick(times: number): void {
    for (let done = 0; done < times; done++) {
      for (const { replica } of this.nodes.values()) replica.tick()
      this.run()
    }
  }

  get leader(): OpenReplica['replica'] {
    const all = [...this.nodes.values()].map(({ replica }) => replica)
    const found = all.filter(({ status }) => status.role === 'leader' && status.id !== this.cut)
    const [leader] = found
    assert(leader !== undefined && found.length === 1, 'one leads')
    return leader
  }

  file(id: NodeId): string {
    return join(this.homes.get(id) ?? '', 'pbx.db')
  }

  /** Somebody who should not have changes a row that is stored. */
  tamper(id: NodeId, sql: string): void {
    const writer = WriteConnection.open(this.file(id), { addon: undefined })
    writer.script(sql)
    writer.close()
  }

  dump(id: NodeId): string {
    return dumpOf(this.file(id))
  }
}
