//! Why nobody leads, as one node sees it, and what to do. Pure.

import type { NodeId } from '../control/ids.ts'
import type { MemberStanding } from './protocol.ts'
import type { Peer } from './settings.ts'

/** The rest of a sentence that begins with that. `nodes`: all that the store of `self` knows. */
export function whyNobodyLeads(
  self: NodeId,
  members: readonly Pick<MemberStanding, 'id' | 'kind' | 'isConnected'>[],
  nodes: readonly Pick<Peer, 'id' | 'name' | 'port'>[],
): string {
  const voters = members.filter(({ kind }) => kind === 'voter')
  const [gone, there] = [false, true].map((isUp) =>
    voters.filter(({ isConnected }) => isConnected === isUp),
  ) as [typeof voters, typeof voters]
  const needed = Math.floor(voters.length / 2) + 1
  const missed = nodes.filter(({ id }) =>
    voters.length === 0 ? id !== self : gone.some((each) => each.id === id),
  )
  const ports = [...new Set(missed.map(({ port }) => port))].join(', ')
  const known = ports === '' ? '' : ` (${ports})`
  const look = `see whether their TCP port for other nodes${known} is open to this host`
  if (voters.length === 0)
    return `this node has not been spoken to yet: start the others, or ${look}; its log says more`
  if (there.length >= needed) return 'one is being elected: try again in a moment'
  const name = (id: string): string => nodes.find((node) => node.id === id)?.name ?? id
  const missing = gone.map(({ id }) => (name(id) === id ? id : `${name(id)} (${id})`)).join(', ')
  const count = `${there.length} of ${voters.length} nodes ${there.length === 1 ? 'is' : 'are'}`
  const lost = 'if they are lost for good, the README says how to go on with what is here'
  return `${count} connected, ${needed} are needed: start ${missing}, or ${look}; ${lost}`
}
