//! What must hold whatever happens (figure 3 of the paper, and what the product promises), looked
//! at after each transaction of each node, and once more at the end.

import { assert } from '../../../src/base/assert.ts'
import type { Entry, LogIndex, NodeId, Term } from '../../../src/raft/entry.ts'
import { members } from '../../../src/raft/membership.ts'
import type { Applied } from '../../raft/applied.ts'
import type { Group } from '../cluster/group.ts'
import type { Member, Observer } from './member.ts'

export class Checks implements Observer {
  readonly #group: () => Group<Member>
  readonly #leaders = new Map<Term, NodeId>()
  /** What was applied first at an index, and the state after it. */
  readonly #hashes = new Map<LogIndex, number>()
  readonly #applied = new Map<LogIndex, Entry>()
  /** Commands that were acknowledged, in the order of that. */
  readonly #acknowledged: string[] = []
  /** The most that any finished read has seen. */
  #seen = 0

  constructor(group: () => Group<Member>) {
    this.#group = group
  }

  get acknowledged(): number {
    return this.#acknowledged.length
  }

  /** Election safety: at most one leader in a term. */
  led(id: NodeId, term: Term): void {
    const before = this.#leaders.get(term) ?? id
    assert(before === id, `${before} and ${id} both led in term ${term}`)
    this.#leaders.set(term, id)
  }

  stored(member: Member): void {
    this.#sameState(member)
    this.#logsMatch(member)
    this.opened()
  }

  /** State machine safety: the same commands, in the same order, on every node. */
  #sameState({ id, disk }: Member): void {
    const { applied } = disk.initial()
    const hash = this.#hashes.get(applied) ?? disk.state.hash
    assert(hash === disk.state.hash, `${id} has another state after ${applied}`)
    this.#hashes.set(applied, hash)
    for (const entry of disk.all) {
      if (entry.index > applied) break
      const before = this.#applied.get(entry.index) ?? entry
      assert(before.term === entry.term, `${id} applied another entry at ${entry.index}`)
      this.#applied.set(entry.index, before)
    }
  }

  /** Log matching: an entry of the same term at the same place has the same log before it. */
  #logsMatch(member: Member): void {
    for (const other of this.#group().nodes) {
      if (other === member) continue
      let agree = false
      for (let index = Math.min(member.disk.last(), other.disk.last()); index > 0; index--) {
        const [mine, theirs] = [member, other].map(({ disk }) => disk.term(index as LogIndex))
        if (mine === undefined || theirs === undefined) break
        const isSame = mine === theirs
        assert(isSame || !agree, `${member.id} and ${other.id} agree behind ${index}, not there`)
        // What is before that has been compared when it was written.
        if (agree && index < Math.min(member.disk.last(), other.disk.last()) - DEPTH) break
        agree ||= isSame
      }
    }
  }

  opened(): void {
    this.#group().assertOneOwner()
  }

  acknowledge(command: string): void {
    this.#acknowledged.push(command)
  }

  /** What a read that begins now must see. */
  readBegins(): ReadBegun {
    return { acknowledged: this.#acknowledged.length, seen: this.#seen }
  }

  readEnds(begun: ReadBegun, state: Applied): void {
    assert(state.count >= begun.seen, `a read saw ${state.count}, one before it ${begun.seen}`)
    const commands = new Set(state.commands())
    for (const command of this.#acknowledged.slice(0, begun.acknowledged))
      assert(commands.has(command), `a read did not see ${command}, which was acknowledged before`)
    this.#seen = Math.max(this.#seen, state.count)
  }

  /** With everything mended: all have the same, and it holds every acknowledged command, once. */
  settled(): void {
    const status = this.#group().leaders[0]?.status
    assert(status !== undefined, 'somebody leads')
    const inGroup = new Set(members(status.membership))
    const [first, ...others] = this.#group().nodes.filter(({ id }) => inGroup.has(id))
    assert(first !== undefined, 'somebody is a member')
    const { state } = first.disk
    for (const { id, disk } of others)
      assert(disk.state.hash === state.hash, `${id} and ${first.id} ended in different states`)
    const commands = state.commands()
    const set = new Set(commands)
    assert(set.size === commands.length, 'a command was applied twice')
    for (const command of this.#acknowledged)
      assert(set.has(command), `${command} was acknowledged and is lost`)
  }
}

export type ReadBegun = { readonly acknowledged: number; readonly seen: number }

const DEPTH = 10
