//! Who has taken over, and what it makes of the connections that clients had before.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { FlowKeeper } from '../../src/cluster/flow-keeper.ts'
import { decodeNews, encodeNews, FlowTable, type Flow } from '../../src/cluster/flows.ts'
import type { Arrived } from '../../src/cluster/peer-link.ts'
import type { NodeId } from '../../src/raft/entry.ts'
import { World } from '../harness/world.ts'

const PEER = 'node-2' as NodeId
const flow = (remotePort: number): Flow => ({
  local: '10.0.0.100',
  localPort: 5_060,
  remote: '10.0.0.7',
  remotePort,
})

test('who has come back from the port it had before is known as before', () => {
  const world = new World(1)
  const listeners: ((arrived: Arrived) => void)[] = []
  const tickled: number[] = []
  const atPeer = new FlowTable()
  const keeper = new FlowKeeper({
    host: world.host('node-1'),
    link: {
      peers: [PEER],
      arrived: (listener) => (listeners.push(listener), () => undefined),
      changed: () => () => undefined,
      send: (_to, _channel, data) => {
        const news = decodeNews(data)
        if (news !== undefined) atPeer.take(news)
        return true
      },
    },
    tickle: (_from, _fromPort, _to, toPort) => (tickled.push(toPort), ''),
    holdsAddress: () => true,
    dropLeftovers: () => void tickled.push(0),
  })
  const before = { isWhole: true, opened: [flow(1), flow(2)], closed: [] }
  atPeer.take(before)
  for (const take of listeners) take({ from: PEER, channel: 'flows', data: encodeNews(before) })
  keeper.addressChanged(true)
  world.pass(millis(1_000))
  expect(tickled).toEqual([0, 1, 2])
  keeper.tell({ isWhole: false, opened: [flow(1)], closed: [] })
  world.pass(millis(20_000))
  expect(atPeer.all()).toEqual([flow(1)])
})
