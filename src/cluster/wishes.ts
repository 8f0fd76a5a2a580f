//! What is wished of the group: who comes and who goes, and whom leadership goes to. Each is asked
//! of Raft, or refused with the reason.

import type { NodeId } from '../control/ids.ts'
import { members, type Membership } from '../raft/membership.ts'
import type { Raft, RaftStatus } from '../raft/raft.ts'
import { objectionTo } from './join/release.ts'
import type { Wish } from './protocol.ts'

export type GroupWish = Exclude<Wish, { kind: 'leave' }>

/** What this node knows of the others. */
export type Peers = {
  readonly isUp: (id: NodeId) => boolean
  /** Why it had better not serve. */
  readonly unfit: (id: NodeId) => string | undefined
  /** The schema that whoever is in the group has to know. */
  readonly promised: () => number
}

/** Undefined when it is done or under way, else why not. */
export function wished(raft: Raft, wish: GroupWish, peers: Peers): string | undefined {
  const status = raft.status()
  const { membership } = status
  const { voters, learners } = membership
  switch (wish.kind) {
    case 'add': {
      if (members(membership).includes(wish.node)) return undefined
      const old = objectionTo(wish.schema, peers.promised())
      if (old !== undefined) return old
      return changed(raft, { voters, learners: [...learners, wish.node] })
    }
    case 'remove': {
      const isOther = (id: NodeId): boolean => id !== wish.node
      if (!members(membership).includes(wish.node)) return undefined
      return changed(raft, { voters: voters.filter(isOther), learners: learners.filter(isOther) })
    }
    case 'transfer': {
      const to = wish.to ?? successor(status, 'fit', peers)
      if (to === undefined)
        return `no other node is ready to serve${whyOthersWouldNot(status, peers)}`
      const unfit = peers.unfit(to)
      if (unfit !== undefined) return `${to} had better not serve: ${unfit}`
      const asked = raft.transferTo(to)
      return asked.ok ? undefined : asked.error
    }
    case 'hand-over': {
      const to = successor(status, 'any', peers)
      if (to === undefined)
        return `no other node could take over${whyOthersWouldNot(status, peers)}`
      const asked = raft.transferTo(to)
      // It goes to one that is fit as soon as this node is not.
      return asked.ok || asked.error === 'under way' ? undefined : asked.error
    }
    case 'drain': {
      const isLast = status.role === 'leader' && successor(status, 'fit', peers) === undefined
      if (wish.isDrained && isLast && !wish.isForced)
        return `no other node could take over${whyOthersWouldNot(status, peers)}`
      return undefined
    }
  }
}

export function changed(raft: Raft, wanted: Membership): string | undefined {
  const asked = raft.change(wanted)
  return asked.ok ? undefined : asked.error
}

/** Who would take over soonest; of those that had better not only when there is nobody else. */
export function successor(
  { membership, followers }: RaftStatus,
  which: 'fit' | 'any',
  { isUp, unfit }: Peers,
): NodeId | undefined {
  const ready = followers.filter(
    ({ id, state }) => membership.voters.includes(id) && state === 'replicate' && isUp(id),
  )
  const ranked = ready.toSorted((a, b) => b.match - a.match)
  const fit = ranked.find(({ id }) => unfit(id) === undefined)
  return (fit ?? (which === 'any' ? ranked[0] : undefined))?.id
}

/** Of each, for people. */
function whyOthersWouldNot({ membership, id: self }: RaftStatus, { isUp, unfit }: Peers): string {
  const others = members(membership).filter((id) => id !== self)
  const whys = others.map((id) => {
    const behind = membership.voters.includes(id) ? 'behind' : 'no voter yet'
    return `${id} is ${isUp(id) ? (unfit(id) ?? behind) : 'not connected'}`
  })
  return whys.length === 0 ? '' : `: ${whys.join(', ')}`
}
