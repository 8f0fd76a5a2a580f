//! What servers say between the peer link and the main thread: over real TLS and a real port.

import { MessageChannel } from 'node:worker_threads'
import { afterEach, expect, test, vi } from 'vitest'
import { openPeerLink, type LinkOptions, type PeerLink } from '../../src/cluster/peer-link.ts'
import { relayServers } from '../../src/cluster/server-relay.ts'
import { ConnectedServers } from '../../src/cluster/servers.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { authority, issue } from '../../src/x509/issue.ts'
import { realHost } from '../store/host.ts'

const CA = authority('pbx cluster', new Date())
const [NODE, FLOODING, HONEST] = ['node-1', 'media:one', 'media:two'] as NodeId[] as [
  NodeId,
  NodeId,
  NodeId,
]
const closing: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

async function link(id: NodeId, listen: LinkOptions['listen']): Promise<PeerLink> {
  const identity = issue([id], CA)
  const made = await openPeerLink({
    host: realHost(),
    id,
    identity,
    authority: CA.certificate,
    listen,
  })
  closing.push(() => made.close())
  return made
}

/** A node whose main thread has not looked at anything yet, and servers connected to it. */
async function begin(...ids: readonly NodeId[]) {
  const node = await link(NODE, { host: '127.0.0.1', port: 0 })
  const { port1, port2 } = new MessageChannel()
  closing.push(() => port1.close())
  relayServers(node, port1)
  let read = 0
  const downs: NodeId[] = []
  node.arrived(({ data }) => void (read += 1 + data.length))
  node.changed(({ peer, isUp }) => void (isUp || downs.push(peer)))
  const dial = async (id: NodeId): Promise<PeerLink> => {
    const server = await link(id, undefined)
    server.dial({ id: NODE, host: '127.0.0.1', port: node.port })
    await vi.waitUntil(() => node.peers.includes(id))
    return server
  }
  const servers = await Promise.all(ids.map(dial))
  return { servers, downs, port2, dial, read: () => read }
}

const settled = () => new Promise((resolve) => void setTimeout(resolve, 300))

test('what is not worked off is not read, and then all is heard in order', async () => {
  const { servers, downs, port2, read } = await begin(FLOODING, HONEST)
  const [flooding, honest] = servers
  const BYTES = 1_000
  for (let count = 0; count < 15_000; count++) {
    const frame = Buffer.alloc(BYTES)
    frame.writeUInt32BE(count)
    flooding?.send(NODE, 'rpc', frame)
  }
  await settled()
  // Two batches, and what was on its way already: of fifteen million bytes.
  expect(read()).toBeLessThan(2 << 20)
  honest?.send(NODE, 'rpc', Buffer.from('and I?'))
  const main = new ConnectedServers(port2)
  const heard: number[] = []
  let honestAfter: number | undefined
  main.arrived(({ from, data }) => {
    if (from === HONEST) honestAfter = heard.length
    else heard.push(Buffer.from(data).readUInt32BE())
  })
  await vi.waitUntil(() => heard.length === 15_000, { timeout: 20_000 })
  expect(heard).toEqual(Array.from({ length: 15_000 }, (_, place) => place))
  expect(honestAfter).toBeLessThan(5_000)
  expect([downs, main.connected().length]).toEqual([[], 2])
})

test('a frame longer than a batch is heard whole, and what comes with it', async () => {
  const { servers, port2 } = await begin(HONEST)
  const main = new ConnectedServers(port2)
  const heard: number[] = []
  main.arrived(({ data }) => void heard.push(data.length))
  for (const length of [1, 0, 4 << 20, 300_000, 2])
    servers[0]?.send(NODE, 'rpc', Buffer.alloc(length))
  await vi.waitUntil(() => heard.length === 5, { timeout: 10_000 })
  expect(heard).toEqual([1, 0, 4 << 20, 300_000, 2])
})

test('a server whose connection broke while it was not read is heard when it is back', async () => {
  const { servers, downs, port2, dial } = await begin(HONEST)
  const [server] = servers
  for (let count = 0; count < 5_000; count++) server?.send(NODE, 'rpc', Buffer.alloc(1_000))
  await settled()
  await server?.close()
  await vi.waitUntil(() => downs.length === 1, { timeout: 10_000 })
  const again = await dial(HONEST)
  again.send(NODE, 'rpc', Buffer.from('back'))
  const main = new ConnectedServers(port2)
  const heard = new Set<string>()
  main.arrived(({ data }) => void heard.add(Buffer.from(data).toString()))
  await vi.waitUntil(() => heard.has('back'))
  expect(main.connected()).toEqual([HONEST])
})
