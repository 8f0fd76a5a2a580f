//! What nodes tell each other of their settings, over real links on loopback.

import { afterEach, expect, test, vi } from 'vitest'
import { openPeerLink, type PeerLink } from '../../src/cluster/peer-link.ts'
import { PeerSettings, type SharedSettings } from '../../src/cluster/peer-settings.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { authority, issue } from '../../src/x509/issue.ts'
import { realHost, type LoggedEvent } from '../store/host.ts'

const CA = authority('pbx cluster', new Date())
const [A, B] = ['node-1', 'node-2'] as NodeId[] as [NodeId, NodeId]
const open: PeerLink[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((link) => link.close()))
})

async function node(id: NodeId, own: SharedSettings, port = 0) {
  const events: LoggedEvent[] = []
  const host = realHost(events)
  const listen = { host: '127.0.0.1', port }
  const identity = issue([id], CA)
  const link = await openPeerLink({ host, id, identity, authority: CA.certificate, listen })
  open.push(link)
  return { link, events, settings: new PeerSettings({ host, link, own }) }
}

const SAME = { 'sip-port': '5060', 'http-port': '8888' }

test('each says what is other there, and logs it; not when it is back with the same', async () => {
  const other = { 'sip-port': '5070', 'http-port': '8899', 'of-a-later-release': 'x' }
  const [a, b] = [await node(A, SAME), await node(B, other)]
  const { port } = b.link
  a.link.dial({ id: B, host: '127.0.0.1', port })
  await vi.waitUntil(() => a.settings.of(B) !== undefined && b.settings.of(A) !== undefined)
  expect(a.settings.of(B)).toBe('sip-port 5070 (here 5060), http-port 8899 (here 8888)')
  expect(b.settings.of(A)).toBe('sip-port 5060 (here 5070), http-port 8888 (here 8899)')
  expect(a.events.find(({ event }) => event === 'settings.differ')).toMatchObject({
    level: 'warn',
    fields: { peer: B, differs: a.settings.of(B), mend: 'start both with the same settings' },
  })
  await b.link.close()
  await vi.waitUntil(() => a.settings.of(B) === undefined)
  const again = await node(B, SAME, port)
  await vi.waitUntil(() => again.link.peers.includes(A), { timeout: 10_000 })
  a.link.send(B, 'settings', Buffer.from('{"sip-port": "1"}'))
  await vi.waitUntil(() => again.settings.of(A) === 'sip-port 1 (here 5060)')
  expect(a.settings.of(B)).toBeUndefined()
})

test.each(['', 'x', 'null', `"${'x'.repeat(10_000)}"`])('%.10s says nothing', async (said) => {
  const [a, b] = [await node(A, SAME), await node(B, SAME)]
  a.link.dial({ id: B, host: '127.0.0.1', port: b.link.port })
  await vi.waitUntil(() => a.link.peers.includes(B))
  a.link.send(B, 'settings', Buffer.from(said))
  await vi.waitUntil(() => b.events.some(({ event }) => event === 'peer.message-unreadable'))
  expect(b.settings.of(A)).toBeUndefined()
})
