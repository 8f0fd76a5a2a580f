//! Clients that write to a group, and read.

import type { NodeId } from '../../../src/raft/entry.ts'
import { NOBODY, type Membership } from '../../../src/raft/membership.ts'
import type { RaftMessage } from '../../../src/raft/message.ts'
import type { World } from '../../harness/world.ts'
import { Group } from '../cluster/group.ts'
import { Checks } from './checks.ts'
import { Member } from './member.ts'

export class Clients {
  readonly group: Group<Member>
  readonly checks: Checks
  reads = 0
  #commands = 0

  /** The first `voters` of `ids` begin as voters, the others know of nobody. */
  constructor(world: World, ids: readonly string[], voters: number) {
    const membership: Membership = { voters: ids.slice(0, voters) as NodeId[], learners: [] }
    this.checks = new Checks(() => this.group)
    const bytesPerMessage = [1, 100, 1_000][world.random.below(3)] ?? 0
    const nodes = ids.map((id, place) => {
      const begins = place < voters ? membership : NOBODY
      const send = (message: RaftMessage): void => this.group.send(message)
      return new Member(world, id as NodeId, begins, bytesPerMessage, send, this.checks)
    })
    this.group = new Group(world, nodes)
    for (const node of nodes) node.start()
  }

  write(): void {
    const command = `c${++this.#commands}`
    const member = this.group.leaders[0] ?? this.group.pick()
    member.propose(command, (applied) => applied && this.checks.acknowledge(command))
  }

  read(): void {
    const begun = this.checks.readBegins()
    const leaders = this.group.leaders
    // Also of one that does not know yet that it is none any more.
    const member =
      leaders[this.group.world.random.below(Math.max(1, leaders.length))] ?? this.group.pick()
    member.read((state) => {
      if (state === undefined) return
      this.reads++
      this.checks.readEnds(begun, state)
    })
  }
}
