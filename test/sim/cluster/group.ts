//! Nodes on a bad network.

import { assert } from '../../../src/base/assert.ts'
import { millis, type Millis } from '../../../src/base/time.ts'
import type { NodeId } from '../../../src/raft/entry.ts'
import type { RaftMessage } from '../../../src/raft/message.ts'
import type { Raft, RaftStatus } from '../../../src/raft/raft.ts'
import type { World } from '../../harness/world.ts'
import type { Lease } from './lease.ts'

/** A node as faults, the network and whoever asks it see it. */
export type SimNode = {
  readonly id: NodeId
  readonly lease: Lease
  /** How long an fsync takes now, at most. */
  syncMs: number
  /** Undefined while it is down. */
  readonly status: RaftStatus | undefined
  /** Whether it would let that one in. */
  admits(id: NodeId): boolean
  start(): void
  /** The power is gone. */
  crash(): void
  /** The process is gone; the kernel, and what is open in it, is not. */
  kill(): void
  stop(during: Millis): void
  receive(message: RaftMessage): void
  /** Does something to the node itself, when it is not in the middle of anything. */
  command(run: (raft: Raft) => unknown): void
}

export type Weather = {
  lossPercent: number
  duplicatePercent: number
  delayMax: Millis
}

export const FINE: Weather = { lossPercent: 0, duplicatePercent: 0, delayMax: millis(2) }

export class Group<N extends SimNode = SimNode> {
  readonly world: World
  readonly nodes: readonly N[]
  readonly weather: Weather = { ...FINE }
  /** Ways on which nothing arrives: `a>b`. */
  readonly cut = new Set<string>()
  /** Ways that take longer, and by how much. */
  readonly slow = new Map<string, Millis>()
  delivered = 0

  constructor(world: World, nodes: readonly N[]) {
    this.world = world
    this.nodes = nodes
  }

  pick(): N {
    const node = this.nodes[this.world.random.below(this.nodes.length)]
    assert(node !== undefined, 'a group has nodes')
    return node
  }

  get leaders(): readonly N[] {
    return this.nodes.filter(({ status }) => status?.role === 'leader')
  }

  /** At most one owner of the address, at every instant. */
  assertOneOwner(): void {
    const open = this.nodes.filter(({ lease }) => lease.isOpen)
    assert(open.length <= 1, `${open.map(({ id }) => id).join(' and ')} hold the address at once`)
  }

  send(message: RaftMessage): void {
    const { random } = this.world
    const { lossPercent, duplicatePercent } = this.weather
    if (random.chance(lossPercent, 100)) return
    this.#deliver(message)
    if (random.chance(duplicatePercent, 100)) this.#deliver(message)
  }

  #deliver(message: RaftMessage): void {
    const { random } = this.world
    const way = `${message.from}>${message.to}`
    const queue = this.slow.get(way) ?? 0
    const delay = millis(queue + random.below(this.weather.delayMax * 10 + 1) / 10)
    this.world.in(delay, () => {
      if (this.cut.has(way)) return
      this.delivered++
      this.nodes.find(({ id }) => id === message.to)?.receive(message)
    })
  }
}
