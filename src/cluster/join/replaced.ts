//! Which nodes go for one that comes, and which are in its way: name and address are one node's.
//! Pure.

import type { NodeId } from '../../control/ids.ts'
import type { MemberStanding } from '../protocol.ts'
import type { Peer } from '../settings.ts'
import type { NodeRequest } from './messages.ts'
import type { JoinToken } from './token.ts'

/**
 * Of a host that joins anew what it was, and what is left of an earlier try; undefined where there
 * is neither: an administrator has removed it, and its own word does not bring it back. Of another
 * what is left of its earlier try. `members`: of the group, as last told.
 */
export function replaced(
  { replaces }: Pick<JoinToken, 'replaces'>,
  { name, host, port }: Pick<NodeRequest, 'name' | 'host' | 'port'>,
  nodes: readonly Peer[],
  members: readonly MemberStanding[] | undefined,
): readonly NodeId[] | undefined {
  const isThere = (node: Peer): boolean => node.host === host && node.port === port
  const isOut = (node: Peer): boolean => members?.every((member) => !isIn(member, node)) === true
  const isTry = (node: Peer): boolean => isThere(node) && node.name === name && isOut(node)
  const going =
    replaces === undefined
      ? nodes.filter(isTry)
      : nodes.filter((node) => node.id === replaces || isThere(node))
  if (replaces !== undefined && going.length === 0) return undefined
  return going.map(({ id }) => id)
}

/** It has a vote, or is there: its host was told that it is in, and has begun. */
function isIn({ id, kind, isConnected }: MemberStanding, node: Peer): boolean {
  return id === node.id && (kind === 'voter' || isConnected)
}

/** Why a host may not be a node as well as these, which stay; undefined when it may. */
export function conflict(
  { name, host, port }: Pick<NodeRequest, 'name' | 'host' | 'port'>,
  staying: readonly Peer[],
): string | undefined {
  const named = staying.find((node) => node.name.toLowerCase() === name.toLowerCase())
  const there = staying.find((node) => node.host === host && node.port === port)
  const other = named ?? there
  if (other === undefined) return undefined
  const [what, option] =
    named === undefined
      ? [`another node is at ${host} port ${port}: ${other.id} (${other.name})`, 'address']
      : [`another node is named ${name}: ${other.id} at ${other.host}`, 'name']
  const mend = `run pbx cluster remove ${other.id} on the host that serves, and join again`
  const as = `with --name ${other.name}`
  const lost = `if it is this host, which has lost its data, ${mend} ${as}`
  return `${what}; ${lost}; else give another --${option}`
}
