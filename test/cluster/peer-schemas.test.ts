//! What nodes tell each other of the schemas that they know, over real links on loopback.

import { afterEach, expect, test, vi } from 'vitest'
import { openPeerLink, type PeerLink } from '../../src/cluster/peer-link.ts'
import { PeerSchemas } from '../../src/cluster/peer-schemas.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { authority, issue } from '../../src/x509/issue.ts'
import { realHost, type LoggedEvent } from '../store/host.ts'

const CA = authority('pbx cluster', new Date())
const [A, B] = ['node-1', 'node-2'] as NodeId[] as [NodeId, NodeId]
const open: PeerLink[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((link) => link.close()))
})

async function node(id: NodeId, own: number, port = 0) {
  const events: LoggedEvent[] = []
  const host = realHost(events)
  const listen = { host: '127.0.0.1', port }
  const identity = issue([id], CA)
  const link = await openPeerLink({ host, id, identity, authority: CA.certificate, listen })
  open.push(link)
  return { link, events, schemas: new PeerSchemas({ host, link, own }) }
}

test('both know of each other; of who is gone nothing, until it is back', async () => {
  const [a, b] = [await node(A, 11), await node(B, 10)]
  const { port } = b.link
  a.link.dial({ id: B, host: '127.0.0.1', port })
  await vi.waitUntil(() => a.schemas.of(B) === 10 && b.schemas.of(A) === 11)
  await b.link.close()
  await vi.waitUntil(() => a.schemas.of(B) === undefined)
  const again = await node(B, 12, port)
  await vi.waitUntil(() => a.schemas.of(B) === 12, { timeout: 10_000 })
  expect(again.schemas.of(A)).toBe(11)
})

test.each(['', '-1', '1e3', 'x', '1234567'])('"%s" says nothing', async (said) => {
  const [a, b] = [await node(A, 11), await node(B, 10)]
  a.link.dial({ id: B, host: '127.0.0.1', port: b.link.port })
  await vi.waitUntil(() => b.schemas.of(A) === 11)
  a.link.send(B, 'schema', Buffer.from(said))
  await vi.waitUntil(() => b.events.some(({ event }) => event === 'peer.message-unreadable'))
  expect(b.schemas.of(A)).toBe(11)
})
