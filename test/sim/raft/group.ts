//! A group of nodes on a bad network, with clients that write and read.

import { assert } from '../../../src/base/assert.ts'
import { millis, type Millis } from '../../../src/base/time.ts'
import type { NodeId } from '../../../src/raft/entry.ts'
import { NOBODY, type Membership } from '../../../src/raft/membership.ts'
import type { RaftMessage } from '../../../src/raft/message.ts'
import type { World } from '../../harness/world.ts'
import { Checks } from './checks.ts'
import { Member } from './member.ts'

export type Weather = {
  lossPercent: number
  duplicatePercent: number
  delayMax: Millis
}

export class Group {
  readonly world: World
  readonly checks: Checks
  readonly members: readonly Member[]
  readonly weather: Weather = { lossPercent: 0, duplicatePercent: 0, delayMax: millis(2) }
  /** Ways on which nothing arrives: `a>b`. */
  readonly cut = new Set<string>()
  /** Ways that take longer, and by how much. */
  readonly slow = new Map<string, Millis>()
  sent = 0
  delivered = 0
  reads = 0
  #commands = 0

  /** The first `voters` of `ids` begin as voters, the others know of nobody. */
  constructor(world: World, ids: readonly string[], voters: number) {
    this.world = world
    const membership: Membership = { voters: ids.slice(0, voters) as NodeId[], learners: [] }
    this.checks = new Checks(() => this.members)
    const bytesPerMessage = [1, 100, 1_000][world.random.below(3)] ?? 0
    this.members = ids.map((id, place) => {
      const begins = place < voters ? membership : NOBODY
      const send = (message: RaftMessage): void => this.#send(message)
      return new Member(world, id as NodeId, begins, bytesPerMessage, send, this.checks)
    })
    for (const member of this.members) member.start()
  }

  pick(): Member {
    const member = this.members[this.world.random.below(this.members.length)]
    assert(member !== undefined, 'a group has members')
    return member
  }

  get leaders(): readonly Member[] {
    return this.members.filter(({ raft }) => raft?.status().role === 'leader')
  }

  write(): void {
    const command = `c${++this.#commands}`
    const member = this.leaders[0] ?? this.pick()
    member.propose(command, (applied) => applied && this.checks.acknowledge(command))
  }

  read(): void {
    const begun = this.checks.readBegins()
    const leaders = this.leaders
    // Also of one that does not know yet that it is none any more.
    const member = leaders[this.world.random.below(Math.max(1, leaders.length))] ?? this.pick()
    member.read((state) => {
      if (state === undefined) return
      this.reads++
      this.checks.readEnds(begun, state)
    })
  }

  #send(message: RaftMessage): void {
    const { random } = this.world
    const { lossPercent, duplicatePercent } = this.weather
    this.sent++
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
      this.members.find(({ id }) => id === message.to)?.receive(message)
    })
  }
}
