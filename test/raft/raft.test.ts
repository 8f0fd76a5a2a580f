//! Golden scripts of whole groups (`testdata`), in etcd's manner: what each node was told to
//! store, apply and send.
//!
//!     cluster a b c [learners=d]   nodes and the membership they begin with
//!     node d                       one that knows of nobody yet
//!     lead                         the first of them is elected       settle     (a silent run)
//!     tick a|all [n]               work a      deliver a      run [a b]    (until nothing moves)
//!     campaign a                   propose a x y              read a 7     change a voters=a,b
//!     transfer a b                 resign a    cut a b        heal         lose [a>b]   twice a>b
//!     reluctant a [no]
//!     crash a                      restart a   compact a 5    snapshot a   status    log a

import { assert } from '../../src/base/assert.ts'
import { logIndex, type NodeId } from '../../src/raft/entry.ts'
import type { Membership } from '../../src/raft/membership.ts'
import { type Command, walk } from '../harness/datadriven.ts'
import { Cluster } from './cluster.ts'
import { TIMING } from './node.ts'
import { showEntries, showMembership, showMessage, showReady } from './show.ts'

const ROUNDS_MAX = 200

walk(`${import.meta.dirname}/testdata`, () => {
  const cluster = new Cluster()
  return (command) => handle(cluster, command)
})

function handle(cluster: Cluster, command: Command): string {
  const [first = ''] = command.words
  const words = command.words.filter((word) => !word.includes('='))
  const id = first as NodeId
  switch (command.name) {
    case 'cluster':
      return begin(cluster, words as NodeId[], names(command, 'learners'))
    case 'node':
      cluster.add(id)
      return ''
    case 'tick':
      return tick(cluster, first, Number(words[1] ?? 1))
    case 'work':
      return work(cluster, id).join('\n')
    case 'deliver':
      return cluster.deliver(id).map(showMessage).join('\n')
    case 'lead':
      tick(cluster, 'all', TIMING.electionMinTicks)
      settle(cluster)
      return ''
    case 'settle':
      settle(cluster)
      return ''
    case 'run':
      return run(cluster, words.length > 0 ? (words as NodeId[]) : [...cluster.nodes.keys()])
    case 'campaign':
      cluster.node(first).raft.campaign()
      return ''
    case 'reluctant':
      cluster.node(first).raft.setReluctant(words[1] !== 'no')
      return ''
    case 'resign':
      cluster.node(first).raft.resign()
      return ''
    case 'propose':
      return propose(cluster, first, words.slice(1))
    case 'read': {
      const asked = cluster.node(first).raft.readIndex(Number(words[1]))
      return asked.ok ? '' : asked.error.kind
    }
    case 'change':
      return change(cluster, first, command)
    case 'transfer': {
      const asked = cluster.node(first).raft.transferTo(words[1] as NodeId)
      return asked.ok ? '' : asked.error
    }
    case 'cut':
      for (const [from, to] of ways(cluster, words)) cluster.cut.add(`${from}>${to}`)
      return ''
    case 'heal':
      cluster.cut.clear()
      return ''
    case 'twice':
      cluster.queue = cluster.queue.flatMap((each) =>
        `${each.from}>${each.to}` === first ? [each, each] : [each],
      )
      return ''
    case 'lose':
      return lose(cluster, first)
    case 'snapshot':
      cluster.node(first).takeSnapshot()
      return ''
    case 'crash':
      cluster.node(first).crash()
      cluster.down.add(id)
      cluster.queue = cluster.queue.filter(({ from, to }) => from !== id && to !== id)
      return ''
    case 'restart':
      cluster.down.delete(id)
      cluster.node(first).restart()
      return ''
    case 'compact': {
      const { disk, raft } = cluster.node(first)
      const index = logIndex(Number(words[1]))
      disk.compact(index, raft.membershipAt(index))
      return ''
    }
    case 'status':
      return status(cluster)
    case 'log': {
      const { disk } = cluster.node(first)
      return `from ${disk.first()}: ${showEntries(disk.all)}\napplied: ${disk.state.shown()}`
    }
    default:
      throw new Error(`unknown command ${command.name}`)
  }
}

function begin(cluster: Cluster, voters: readonly NodeId[], learners: readonly NodeId[]): string {
  for (const id of [...voters, ...learners]) cluster.add(id, { voters, learners })
  return ''
}

function names(command: Command, key: string): readonly NodeId[] {
  return (command.arg(key)?.split(',') ?? []).filter((name) => name !== '') as NodeId[]
}

function tick(cluster: Cluster, which: string, times: number): string {
  const ids = which === 'all' ? [...cluster.nodes.keys()] : [which as NodeId]
  for (let done = 0; done < times; done++)
    for (const id of ids) if (!cluster.down.has(id)) cluster.node(id).raft.tick()
  return ''
}

/** Every `Ready` it has, and what it sends. */
function work(cluster: Cluster, id: NodeId): readonly string[] {
  const lines: string[] = []
  for (let round = 0; ; round++) {
    assert(round < ROUNDS_MAX, `${id} is never done`)
    const before = cluster.queue.length
    const worked = cluster.work(id, (ready) =>
      lines.push(...showReady(ready).map((line) => `${id} ${line}`)),
    )
    if (!worked) return lines
    lines.push(...cluster.queue.slice(before).map((message) => `  ${showMessage(message)}`))
  }
}

/** All of them work and hear one another until nothing moves. */
function run(cluster: Cluster, ids: readonly NodeId[]): string {
  const lines: string[] = []
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const before = lines.length
    let heard = 0
    for (const id of ids) lines.push(...work(cluster, id))
    for (const id of ids) heard += cluster.deliver(id).length
    if (heard === 0 && lines.length === before) return lines.join('\n') || 'nothing'
  }
  throw new Error(`still moving:\n${lines.slice(-30).join('\n')}`)
}

/** The same, with nothing to read. */
function settle(cluster: Cluster): void {
  run(cluster, [...cluster.nodes.keys()])
}

function propose(cluster: Cluster, id: string, commands: readonly string[]): string {
  const proposed = cluster.node(id).raft.propose(commands.map((each) => Buffer.from(each)))
  if (proposed.ok) return `at ${proposed.value.join(' ')}`
  const { error } = proposed
  return error.kind === 'not-leader' ? `not the leader; ${error.leader ?? 'nobody'} is` : error.kind
}

function change(cluster: Cluster, id: string, command: Command): string {
  const wanted: Membership = {
    voters: names(command, 'voters'),
    learners: names(command, 'learners'),
  }
  const outcome = cluster.node(id).raft.change(wanted)
  return outcome.ok ? `at ${outcome.value}` : `refused: ${outcome.error}`
}

/** Both ways between two; of one, all. `a>b` is one way. */
function ways(cluster: Cluster, words: readonly string[]): readonly (readonly string[])[] {
  const [a = '', b] = words
  if (a.includes('>')) return [a.split('>')]
  const others = b === undefined ? [...cluster.nodes.keys()].filter((id) => id !== a) : [b]
  return others.flatMap((other) => [
    [a, other],
    [other, a],
  ])
}

function lose(cluster: Cluster, way: string): string {
  const isLost = ({ from, to }: { from: string; to: string }): boolean =>
    way === '' || `${from}>${to}` === way
  const lost = cluster.queue.filter(isLost)
  cluster.queue = cluster.queue.filter((message) => !isLost(message))
  return lost.map(showMessage).join('\n')
}

function status(cluster: Cluster): string {
  const lines: string[] = []
  for (const [id, { raft }] of cluster.nodes) {
    const { role, term, leader, last, committed, applied, membership, followers, confirmedRound } =
      raft.status()
    const office = cluster.down.has(id) ? 'down' : `${role} t${term} leader ${leader ?? '-'}`
    const log = `last ${last} committed ${committed} applied ${applied}`
    const confirmed = confirmedRound === undefined ? '' : ` confirmed ${confirmedRound}`
    lines.push(`${id} ${office} ${log} {${showMembership(membership)}}${confirmed}`)
    for (const follower of followers)
      lines.push(`    ${follower.id} ${follower.state} match ${follower.match}`)
  }
  return lines.join('\n')
}
