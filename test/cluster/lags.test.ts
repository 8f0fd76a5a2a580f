//! What a node that leads tells the others of who is behind, over real links on loopback.

import { afterEach, expect, test, vi } from 'vitest'
import { Lags } from '../../src/cluster/lags.ts'
import { openPeerLink, type PeerLink } from '../../src/cluster/peer-link.ts'
import type { NodeId } from '../../src/control/ids.ts'
import type { RaftStatus } from '../../src/raft/raft.ts'
import { authority, issue } from '../../src/x509/issue.ts'
import { realHost } from '../store/host.ts'

const CA = authority('pbx cluster', new Date())
const [A, B, C] = ['node-1', 'node-2', 'node-3'] as NodeId[] as [NodeId, NodeId, NodeId]
const open: PeerLink[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((link) => link.close()))
})

async function node(id: NodeId) {
  const listen = { host: '127.0.0.1', port: 0 }
  const identity = issue([id], CA)
  const host = realHost()
  const link = await openPeerLink({ host, id, identity, authority: CA.certificate, listen })
  open.push(link)
  return { link, lags: new Lags(link) }
}

type Status = Parameters<Lags['tick']>[0]

const membership = { voters: [A, B], learners: [C] }
const followers = [
  { id: B, match: 100 },
  { id: C, match: 83 },
] as unknown as RaftStatus['followers']
const leads = {
  id: A,
  role: 'leader',
  leader: A,
  last: 100,
  followers,
  membership,
} as unknown as Status
const follows = { ...leads, id: B, role: 'follower', followers: [] } as Status

test('a node that follows knows it too, of whom it follows only', async () => {
  const [a, b] = [await node(A), await node(B)]
  a.link.dial({ id: B, host: '127.0.0.1', port: b.link.port })
  await vi.waitUntil(() => a.link.peers.includes(B) && b.link.peers.includes(A))
  const of = (status: Status) => [A, B, C].map((id) => b.lags.of(id, status))
  expect(of(follows)).toEqual([0, undefined, undefined])
  a.lags.tick(leads)
  await vi.waitUntil(() => b.lags.of(C, follows) === 17)
  expect(of(follows)).toEqual([0, 0, 17])
  expect(of({ ...follows, leader: C })).toEqual([undefined, undefined, 0])
  expect(of({ ...follows, leader: undefined })).toEqual([undefined, undefined, undefined])
  // Who follows tells nobody.
  b.lags.tick(follows)
  a.link.send(B, 'lags', Buffer.from('node-2 x\nnode-3 1e3 y\n\u0000'))
  await vi.waitUntil(() => b.lags.of(C, follows) === undefined)
  expect(a.lags.of(C, leads)).toBe(17)
})
