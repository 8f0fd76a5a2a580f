//! Some nodes and the messages between them, moved by hand.

import { assert } from '../../src/base/assert.ts'
import type { Random } from '../../src/base/random.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { NodeId } from '../../src/raft/entry.ts'
import { NOBODY, type Membership } from '../../src/raft/membership.ts'
import type { RaftMessage } from '../../src/raft/message.ts'
import type { Ready } from '../../src/raft/ready.ts'
import { Node, TIMING } from './node.ts'

/** Ticks between the election timeouts of nodes, in the order in which they were named. */
const APART = 3

export class Cluster {
  readonly nodes = new Map<NodeId, Node>()
  readonly down = new Set<NodeId>()
  /** Sent and not delivered, in order. */
  queue: RaftMessage[] = []
  /** Messages on these ways are lost: `a>b`. */
  readonly cut = new Set<string>()

  add(id: NodeId, membership: Membership = NOBODY): Node {
    const timing = { ...TIMING, electionMaxTicks: TIMING.electionMinTicks + 30 }
    const node = new Node(id, membership, always(this.nodes.size * APART), timing)
    this.nodes.set(id, node)
    return node
  }

  node(id: string): Node {
    const node = this.nodes.get(id as NodeId)
    assert(node !== undefined, `no node ${id}`)
    return node
  }

  send = (message: RaftMessage): void => {
    if (!this.cut.has(`${message.from}>${message.to}`)) this.queue.push(message)
  }

  /** Carries out one `Ready` of the node. */
  work(id: NodeId, seen: (ready: Ready) => void): boolean {
    return !this.down.has(id) && this.node(id).work(this.send, seen)
  }

  /** All that is under way to the node; the messages. */
  deliver(id: NodeId): readonly RaftMessage[] {
    const arriving = this.queue.filter(({ to }) => to === id)
    this.queue = this.queue.filter(({ to }) => to !== id)
    const node = this.nodes.get(id)
    if (node === undefined || this.down.has(id)) return []
    for (const message of arriving) node.raft.step(message)
    return arriving
  }
}

function always(value: number): Random {
  return { ...seededRandom(1), below: () => value }
}
