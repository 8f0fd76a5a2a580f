//! What is wished of the group: who comes and who goes, and whom leadership goes to. Each is asked
//! of Raft, or refused with the reason.

import type { NodeId } from '../control/ids.ts'
import { members, type Membership } from '../raft/membership.ts'
import type { Raft, RaftStatus } from '../raft/raft.ts'
import { rankOf, type Unfit } from './fitness.ts'
import { objectionTo } from './join/release.ts'
import type { Wish } from './protocol.ts'

const NO_LEADER = 'this node does not lead any more'
const NOBODY_LEADS = 'no node leads, so none could take over: see pbx status, or drain with --force'

/** Above all ranks. */
const ANYBODY = Number.POSITIVE_INFINITY

export type GroupWish = Exclude<Wish, { kind: 'leave' }>

/** What this node knows of the others, and of itself. */
export type Peers = {
  readonly isUp: (id: NodeId) => boolean
  readonly unfit: (id: NodeId) => Unfit | undefined
  /** The schema that whoever is in the group has to know. */
  readonly promised: () => number
}

type GroupStatus = Pick<RaftStatus, 'id' | 'membership' | 'followers'>

/** Undefined when it is done or under way, else why not. */
export function wished(raft: Raft, wish: GroupWish, peers: Peers): string | undefined {
  const status = raft.status()
  const { membership } = status
  switch (wish.kind) {
    case 'add': {
      const { voters, learners } = membership
      if (members(membership).includes(wish.node)) return undefined
      const old = objectionTo(wish.schema, peers.promised())
      if (old !== undefined) return old
      return changed(raft, { voters, learners: [...learners, wish.node] })
    }
    case 'remove':
      return removed(raft, wish.node, peers)
    case 'transfer':
      return transferred(raft, wish.to, peers)
    case 'hand-over': {
      const to = successor(status, peers)
      if (to === undefined) return nobody('no other node could take over', status, peers)
      const asked = raft.transferTo(to)
      // To a better one it went as soon as this node was not fit any more.
      return asked.ok || asked.error === 'under way' ? undefined : asked.error
    }
    case 'drain': {
      if (!wish.isDrained || wish.isForced) return undefined
      if (status.leader === undefined) return NOBODY_LEADS
      const below = rankOf('spared')
      const isLast = status.role === 'leader' && successor(status, peers, below) === undefined
      if (!isLast) return undefined
      return nobody('no other node could take over', status, peers, below)
    }
  }
}

export function changed(raft: Raft, wanted: Membership): string | undefined {
  const asked = raft.change(wanted)
  if (asked.ok) return undefined
  return asked.error === 'not the leader' ? NO_LEADER : asked.error
}

/** Who is left must be able to go on: the change is in force before anybody has it. */
function removed(raft: Raft, node: NodeId, { isUp }: Peers): string | undefined {
  const { membership } = raft.status()
  if (!members(membership).includes(node)) return undefined
  const isOther = (id: NodeId): boolean => id !== node
  const voters = membership.voters.filter(isOther)
  const gone = voters.filter((id) => !isUp(id))
  if (2 * gone.length >= voters.length) {
    const without = `without ${node} too few nodes would be there to go on`
    return `${without}: ${gone[0]} is not connected: remove it first, or start it`
  }
  return changed(raft, { voters, learners: membership.learners.filter(isOther) })
}

function transferred(raft: Raft, to: NodeId | undefined, peers: Peers): string | undefined {
  const status = raft.status()
  // A worse one would hand it back.
  const own = rankOf(peers.unfit(status.id)?.grade)
  const below = Math.min(own + 1, rankOf('useless'))
  const found = to ?? successor(status, peers, below)
  if (found === undefined) return nobody('no other node is ready to serve', status, peers, below)
  if (found === status.id) return `${found} serves already`
  const not = whyNot(found, status, peers, below)
  if (not !== undefined) return `${found} is not ready to serve: ${not}`
  const asked = raft.transferTo(found)
  if (asked.ok) return undefined
  return asked.error === 'under way' ? 'leadership is being handed over already' : asked.error
}

/**
 * Who would take over soonest, of those that had best; none whose rank is not below `below`.
 */
export function successor(status: GroupStatus, peers: Peers, below = ANYBODY): NodeId | undefined {
  const { membership, followers } = status
  const rank = (id: NodeId): number => rankOf(peers.unfit(id)?.grade)
  const ready = followers.filter(
    ({ id, state }) =>
      membership.voters.includes(id) && state === 'replicate' && peers.isUp(id) && rank(id) < below,
  )
  return ready.toSorted((a, b) => rank(a.id) - rank(b.id) || b.match - a.match)[0]?.id
}

/** It need not have all of the log: it is given what it lacks first, but for a snapshot. */
function whyNot(
  id: NodeId,
  { membership, followers }: GroupStatus,
  { isUp, unfit }: Peers,
  below: number,
): string | undefined {
  if (!members(membership).includes(id)) return 'no node of this cluster'
  if (!membership.voters.includes(id)) return 'no voter yet'
  if (!isUp(id)) return 'not connected'
  const state = followers.find((follower) => follower.id === id)?.state
  const { grade, why } = unfit(id) ?? {}
  if (rankOf(grade) >= below) return why
  return state === 'snapshot' ? 'far behind' : undefined
}

/** With the reason for each of the others, for people. */
function nobody(what: string, status: GroupStatus, peers: Peers, below = ANYBODY): string {
  const others = members(status.membership).filter((id) => id !== status.id)
  const whys = others.map((id) => `${id} (${whyNot(id, status, peers, below) ?? 'behind'})`)
  return whys.length === 0 ? what : `${what}: ${whys.join(', ')}`
}
