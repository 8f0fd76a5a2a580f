//! What must hold of replicated state whatever happens, looked at after each call of each replica,
//! and once more at the end.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { assert } from '../../../src/base/assert.ts'
import type { NodeId, Term } from '../../../src/raft/entry.ts'
import { members } from '../../../src/raft/membership.ts'
import { ReadConnection, WriteConnection } from '../../../src/store/database.ts'
import { DATABASE } from '../../../src/store/replica/open-replica.ts'
import { replicatedTables, StateDigest } from '../../../src/store/replica/state-digest.ts'
import { remembered } from '../../../src/store/schema/replica.ts'
import { SCHEMA_VERSION } from '../../../src/store/schema/schema.ts'
import { setting } from '../../../src/store/schema/setting.ts'
import type { IdempotencyKey, LogIndex, ReadOnlyDatabase } from '../../../src/store/store.ts'
import type { Group } from '../cluster/group.ts'
import type { ReplicaNode } from './node.ts'

const NO_NAME = 'nothing'

/** A register's newest write that somebody knows of, by its place in the log. */
type Known = Map<string, LogIndex>

export class Checks {
  readonly #leaders = new Map<Term, NodeId>()
  /** Of the state after an entry, whoever had it first. */
  readonly #digests = new Map<number, string>()
  /** What the database of each node has been made to write, and lasted. */
  readonly #written = new Map<NodeId, Set<string>>()
  /** Keys of what was acknowledged, and where it is in the log. */
  readonly #acknowledged = new Map<IdempotencyKey, LogIndex>()
  /** Keys of what was said to have changed nothing. */
  readonly #unchanged = new Set<IdempotencyKey>()
  readonly #acked: Known = new Map()
  readonly #seen: Known = new Map()
  reads = 0
  refused = 0

  get acknowledged(): number {
    return this.#acknowledged.size
  }

  /** Election safety; and byte-equal state at equal index. */
  stored(node: ReplicaNode): void {
    const { status, disk, id } = node
    if (status === undefined) return
    if (status.role === 'leader') {
      const before = this.#leaders.get(status.term) ?? id
      assert(before === id, `${before} and ${id} both led in term ${status.term}`)
      this.#leaders.set(status.term, id)
    }
    const { applied, digest } = disk.state
    assert(applied === status.applied, `${id} has applied ${status.applied}, stored ${applied}`)
    const before = this.#digests.get(applied) ?? digest
    assert(before === digest, `${id} has another state after ${applied}`)
    this.#digests.set(applied, before)
  }

  /** No command twice: each writes a value of its own. */
  committed(id: NodeId, values: readonly string[]): void {
    const written = this.#written.get(id) ?? new Set<string>()
    this.#written.set(id, written)
    for (const value of values) {
      if (!value.startsWith(UNIQUE)) continue
      assert(!written.has(value), `${id} applied the write of ${value} twice`)
      written.add(value)
    }
  }

  acknowledge(key: IdempotencyKey, index: LogIndex, register: string | undefined): void {
    const before = this.#acknowledged.get(key) ?? index
    assert(before === index, `${key} was acknowledged at ${before} and at ${index}`)
    this.#acknowledged.set(key, index)
    if (register !== undefined) raise(this.#acked, register, index)
  }

  unchanged(key: IdempotencyKey): void {
    this.#unchanged.add(key)
  }

  /** What a read of a register that begins now must see at least. */
  readBegins(register: string): LogIndex {
    const [acked = 0, seen = 0] = [this.#acked.get(register), this.#seen.get(register)]
    return Math.max(acked, seen) as LogIndex
  }

  readEnds(register: string, atLeast: LogIndex, db: ReadOnlyDatabase): void {
    const value = setting(db, 'system', register)
    const found = value === undefined ? undefined : remembered(db, keyOf(value))
    const index = found?.index ?? (0 as LogIndex)
    assert(index >= atLeast, `a read of ${register} saw ${value} of ${index}, not ${atLeast}`)
    raise(this.#seen, register, index)
    this.reads++
  }

  /** With everything mended: the same bytes everywhere, and in them what was acknowledged. */
  settled(group: Group<ReplicaNode>, schema = SCHEMA_VERSION): void {
    const status = group.leaders[0]?.status
    assert(status !== undefined, 'somebody leads')
    const inGroup = new Set(members(status.membership))
    const nodes = group.nodes.filter(({ id }) => inGroup.has(id))
    for (const each of nodes)
      assert(each.schema?.inForce === schema, `${each.id} has ${JSON.stringify(each.schema)}`)
    const dumps = nodes.map((node) => this.#look(node))
    for (const [place, { id }] of nodes.entries())
      assert(dumps[place] === dumps[0], `${id} and ${nodes[0]?.id} ended in different states`)
    assert(
      nodes.length === 1 || nodes.some(({ compared }) => compared > 0),
      'states were never compared',
    )
  }

  #look(node: ReplicaNode): string {
    const { store, id, disk } = node
    assert(store !== undefined, `${id} is up`)
    const dump = store.read((db) => {
      for (const [key, index] of this.#acknowledged) {
        const found = remembered(db, key)?.index
        assert(found === index, `${key} was acknowledged at ${index}; ${id} has it at ${found}`)
      }
      for (const key of this.#unchanged)
        assert(remembered(db, key) === undefined, `${key} was refused, and ${id} has it`)
      return dumpOf(db)
    })
    assertSound(join(disk.home, DATABASE), id)
    return dump
  }
}

/** Values of writes whose order is looked at; their keys too. */
const UNIQUE = 'w'
export const uniqueValue = (number: number): string => `${UNIQUE}${number}`
export const keyOf = (value: string): IdempotencyKey => value as IdempotencyKey

function raise(known: Known, register: string, index: LogIndex): void {
  known.set(register, Math.max(known.get(register) ?? 0, index) as LogIndex)
}

function dumpOf(db: ReadOnlyDatabase): string {
  const hash = createHash('sha256')
  for (const table of replicatedTables(db)) {
    const rows = db.all(`SELECT * FROM ${table}`).map((row) => JSON.stringify(Object.entries(row)))
    // By all that they hold: tables may have one column, and rows any order.
    for (const row of rows.toSorted()) hash.update(`${table} ${row}\n`)
  }
  return hash.digest('hex')
}

/** A copy of the file opened by itself: SQLite finds it whole, and its rows have its digest. */
function assertSound(file: string, id: NodeId): void {
  const reader = ReadConnection.open(file, { addon: undefined })
  const found = reader.get('PRAGMA integrity_check')?.['integrity_check'] ?? NO_NAME
  reader.close()
  assert(found === 'ok', `${id}: ${String(found)}`)
  const writer = WriteConnection.open(file, { addon: undefined })
  const digest = new StateDigest(writer)
  const kept = digest.value
  digest.count()
  const { value } = digest
  writer.close()
  assert(value === kept, `${id} keeps the digest ${kept}, its rows have ${value}`)
}
