//! The media servers of a cluster, as the pool wants them.

import type { ServerLink } from '../../roles/media/server-link.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { registeredServers, serverId } from '../store/schema/server.ts'
import type { Store } from '../store/store.ts'

/** For a node that begins to lead. */
export function mediaServersOf(
  cluster: Pick<Cluster, 'servers' | 'standing' | 'nodes'>,
  store: Pick<Store, 'read'>,
): ServerLink {
  const { servers, standing } = cluster
  // Of now: that of its successor, which it hears of before it lets go, is not its own. Nor is it
  // when it has been deposed already.
  const term = standing?.isActive === true ? standing.term : 0
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
