//! The media servers of a cluster, as the pool wants them.

import type { ServerLink } from '../../roles/media/server-link.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { isServerId, registeredServers, serverId } from '../store/schema/server.ts'
import type { Store } from '../store/store.ts'

export function mediaServersOf(cluster: Cluster, store: Store): ServerLink {
  const { servers } = cluster
  return {
    registered: () =>
      store
        .read(registeredServers)
        .filter(({ role, key }) => role === 'media' && key !== undefined)
        .map(serverId),
    connected: () => servers.connected().filter(isServerId),
    term: () => cluster.standing?.term ?? 0,
    nodes: () => cluster.nodes(),
    send: (to, data) => servers.send(to, data),
    arrived: servers.arrived,
    changed: servers.changed,
  }
}
