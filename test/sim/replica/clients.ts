//! Clients of a replicated store: any command there is, and writes and reads of a few registers.
//! Whoever does not know what became of a command asks again, with the same key.

import { assert } from '../../../src/base/assert.ts'
import { millis } from '../../../src/base/time.ts'
import type { NodeId } from '../../../src/raft/entry.ts'
import { NOBODY, type Membership } from '../../../src/raft/membership.ts'
import type { RaftMessage } from '../../../src/raft/message.ts'
import { KEPT, type Kept } from '../../../src/store/replica/compaction.ts'
import type { Command, IdempotencyKey, ProposeFailure } from '../../../src/store/store.ts'
import { NEXT } from '../../harness/next-release.ts'
import { randomCommand } from '../../harness/random-command.ts'
import type { World } from '../../harness/world.ts'
import { Group } from '../cluster/group.ts'
import { Checks, keyOf, uniqueValue } from './checks.ts'
import type { Frozen } from './frozen.ts'
import type { Homes } from './home.ts'
import { ReplicaNode, type Observer } from './node.ts'

const REGISTERS = 4
const AGAIN_MS = 400
const BURST = 12
/** The last is bounded by its bytes. */
const KEPTS: readonly Kept[] = [
  { entries: 4, bytes: 1 << 20 },
  { entries: 15, bytes: 1 << 20 },
  { entries: 60, bytes: 4_000 },
]

type Write = {
  readonly command: Command
  readonly key: IdempotencyKey | undefined
  readonly register: string | undefined
  /** An attempt may have been applied, as far as is known. */
  isPossible: boolean
}

export type GroupOptions = {
  readonly world: World
  readonly homes: Homes
  readonly frozen: Frozen
  readonly ids: readonly string[]
  /** So many of the first begin as voters, the others know of nobody. */
  readonly voters: number
  readonly held?: Observer['held']
  /** Nodes become of another release as time goes by. */
  readonly isUpgraded?: boolean
}

/** Nodes with production replicas, which `checks` looks at. */
export function replicas(options: GroupOptions, checks: Checks): Group<ReplicaNode> {
  const { world, homes, frozen, ids, voters, held, isUpgraded = false } = options
  const { random } = world
  const begins: Membership = { voters: ids.slice(0, voters) as NodeId[], learners: [] }
  const bounds = {
    bytesPerMessage: [1, 500, 1 << 20][random.below(3)] ?? 0,
    inflightMax: 4,
    silentTicks: 20,
    takeOverTicks: 30,
    uncommittedMax: [40, 400][random.below(2)] ?? 0,
  }
  const chunk = 4_096 * (1 + random.below(20))
  const kept = KEPTS[random.below(KEPTS.length)] ?? KEPT
  const observer: Observer = {
    stored: (node) => checks.stored(node),
    committed: (id, written) => checks.committed(id, written),
    opened: () => group.assertOneOwner(),
    ...(held === undefined ? {} : { held }),
  }
  const send = (message: RaftMessage): void => group.send(message)
  const peers = isUpgraded ? { nodes: () => nodes, cut: () => group.cut } : undefined
  const nodes: readonly ReplicaNode[] = ids.map((id, place) => {
    const membership = place < voters ? begins : NOBODY
    const own = { id: id as NodeId, membership }
    const options = { world, homes, frozen, ...own, bounds, chunk, kept, send, observer, peers }
    return new ReplicaNode(options)
  })
  const group = new Group(world, nodes)
  for (const node of nodes) node.start()
  return group
}

export class Clients {
  readonly group: Group<ReplicaNode>
  readonly checks: Checks
  /** Asked, and neither answered nor given up. */
  open = 0
  /** Attempts without an answer. */
  hanging = 0
  readonly failures: Record<ProposeFailure['kind'] | 'down', number> = {
    rejected: 0,
    overloaded: 0,
    timeout: 0,
    'no-leader': 0,
    closed: 0,
    down: 0,
  }
  readonly #frozen: Frozen
  readonly #percent: number
  #writes = 0

  /** `percent`: so many of the writes are to registers, the others any command there is. */
  constructor(group: Group<ReplicaNode>, checks: Checks, frozen: Frozen, percent = 50) {
    this.#percent = percent
    this.#frozen = frozen
    this.group = group
    this.checks = checks
  }

  write(): void {
    const { random } = this.group.world
    const times = random.chance(1, 20) ? 1 + random.below(BURST) : 1
    for (let time = 0; time < times; time++) {
      this.open++
      this.#try(random.chance(this.#percent, 100) ? this.#toRegister() : this.#any())
    }
  }

  /** What is left of a restore goes, as whoever begins to serve sees to it. */
  dropRestore(): void {
    this.open++
    const command = { kind: 'restore.dropped' } as const
    this.#try({ command, key: undefined, register: undefined, isPossible: false })
  }

  read(): void {
    const register = this.#register()
    const node = this.#node()
    const { store } = node
    if (store === undefined) return
    const atLeast = this.checks.readBegins(register)
    this.hanging++
    const read = store.readLinearizable((db) => this.checks.readEnds(register, atLeast, db))
    this.#frozen.watch(read.then(() => this.hanging--))
  }

  #toRegister(): Write {
    const value = uniqueValue(++this.#writes)
    const register = this.#register()
    const command: Command = { kind: 'setting.put', scope: 'system', name: register, value }
    return { command, key: keyOf(value), register, isPossible: false }
  }

  #any(): Write {
    const { random } = this.group.world
    const key = random.chance(1, 4) ? undefined : keyOf(`k${++this.#writes}`)
    const command = randomCommand(random)
    const isBegun = command.kind === 'restore.begun' && random.chance(1, 2)
    const told = isBegun ? { ...command, schema: NEXT } : command
    return { command: told, key, register: undefined, isPossible: false }
  }

  #try(write: Write): void {
    this.#frozen.watch(this.#attempt(write))
  }

  async #attempt(write: Write): Promise<void> {
    const { store } = this.#node()
    if (store === undefined) return this.#again(write, 'down')
    this.hanging++
    const result = await store.propose(write.command, write.key)
    this.hanging--
    const { key, register } = write
    if (result.ok) {
      this.open--
      if (key !== undefined) this.checks.acknowledge(key, result.value, register)
      return
    }
    const { kind } = result.error
    if (kind === 'rejected') {
      this.open--
      this.failures.rejected++
      return
    }
    write.isPossible ||= kind === 'timeout' || kind === 'closed'
    // Without a key nobody asks twice.
    if (key === undefined) this.#giveUp(write, kind)
    else this.#again(write, kind)
  }

  #again(write: Write, why: keyof Clients['failures']): void {
    const { world } = this.group
    if (!write.isPossible && world.random.chance(1, 3)) return this.#giveUp(write, why)
    this.failures[why]++
    world.in(millis(1 + world.random.below(AGAIN_MS)), () => this.#try(write))
  }

  #giveUp({ key, isPossible }: Write, why: keyof Clients['failures']): void {
    this.open--
    this.failures[why]++
    if (!isPossible && key !== undefined) this.checks.unchanged(key)
  }

  /** Also one that does not know yet that it leads no more, or never did. */
  #node(): ReplicaNode {
    const { random } = this.group.world
    const { leaders } = this.group
    const found = random.chance(1, 10) ? undefined : leaders[random.below(leaders.length)]
    return found ?? this.group.pick()
  }

  #register(): string {
    return `register${this.group.world.random.below(REGISTERS)}`
  }

  /** In the end nothing is asked without an answer. */
  assertAnswered(): void {
    assert(this.hanging === 0, `${this.hanging} proposals or reads hang`)
    assert(this.open === 0, `${this.open} commands have no outcome`)
  }
}
