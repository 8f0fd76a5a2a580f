//! The media servers of a cluster, as the pool wants them.

import type { ServerLink } from '../../roles/media/server-link.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { registeredServers, serverId } from '../store/schema/server.ts'
import type { Store } from '../store/store.ts'

/**
 * For a node that begins to lead in this term. That of its successor, which it hears of before it
 * lets go, is not its own.
 */
export function mediaServersOf(
  cluster: Pick<Cluster, 'servers' | 'nodes'>,
  store: Pick<Store, 'read'>,
  term: number,
): ServerLink {
  const { servers } = cluster
  return {
    registered: () =>
      store
        .read(registeredServers)
        .filter(({ role, key }) => role === 'media' && key !== undefined)
        .map(serverId),
    connected: () => servers.connected(),
    term,
    nodes: () => cluster.nodes(),
    send: (to, data) => servers.send(to, data),
    arrived: servers.arrived,
    changed: servers.changed,
  }
}
