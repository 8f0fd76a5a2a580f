//! Of which term a node leads media servers.

import { MessageChannel } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { ConnectedServers } from '../../../src/cluster/servers.ts'
import type { Standing } from '../../../src/cluster/protocol.ts'
import { mediaServersOf } from '../../../src/main/media-link.ts'
import type { Store } from '../../../src/store/store.ts'

test('a node that is deposed never speaks in the term of its successor', () => {
  const { port1 } = new MessageChannel()
  const cluster = {
    servers: new ConnectedServers(port1),
    nodes: () => [],
    standing: { term: 7, isActive: true } as Standing,
  }
  const store: Pick<Store, 'read'> = {
    read() {
      throw new Error('not asked')
    },
  }
  const link = mediaServersOf(cluster, store)
  cluster.standing = { ...cluster.standing, term: 8, isActive: false }
  expect(link.term).toBe(7)
  // It began to serve too late.
  expect(mediaServersOf(cluster, store).term).toBe(0)
  port1.close()
})
