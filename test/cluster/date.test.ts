//! By which date a node lets hosts in: its own clock may be wrong, and others say so.

import { expect, test, vi } from 'vitest'
import { MessageChannel } from 'node:worker_threads'
import { wallTime } from '../../src/base/time.ts'
import { Cluster } from '../../src/cluster/cluster.ts'
import type { JoinAnswer, JoinRequest } from '../../src/cluster/join/messages.ts'
import { makeToken } from '../../src/cluster/join/token.ts'
import type { FromMember, Standing, ToMember } from '../../src/cluster/protocol.ts'
import type { NodeId } from '../../src/control/ids.ts'
import type { Store } from '../../src/store/store.ts'
import { authority, issue, newKey } from '../../src/x509/issue.ts'
import { realHost } from '../store/host.ts'

const NOW = Date.UTC(2026, 10, 22)
const CA = authority('a cluster', new Date(NOW))
const self = { id: 'node-1' as NodeId, name: 'one', host: '10.0.0.1', port: 7_480 }
const settings = { self, peers: [], vip: undefined, timing: 'default', isNew: false } as const

/** As `self`, whose clock says 1970. */
function lateNode() {
  const { port1, port2 } = new MessageChannel()
  const files = { settings, identity: issue([self.id], CA), authority: CA }
  const store = { read: () => [self] } as unknown as Store
  const host = { ...realHost(), wall: () => wallTime(0) }
  const cluster = new Cluster({ host, store, files, data: '', port: port1 })
  const answers: JoinAnswer[] = []
  port2.on('message', (message: ToMember) => {
    if (message.kind === 'join-answer') answers.push(message.answer)
  })
  const say = (message: FromMember): void => port2.postMessage(message)
  return { cluster, say, answers, close: () => port1.close() }
}

test('most clocks are believed, and a token that is old by them has expired', async () => {
  const { cluster, say, answers, close } = lateNode()
  expect(cluster.wall()).toBe(0)
  const here = { id: self.id, kind: 'voter', isConnected: true, clockAhead: -NOW } as const
  const standing = { id: self.id, isActive: true, members: [here] }
  say({ kind: 'standing', standing: standing as unknown as Standing })
  await vi.waitUntil(() => cluster.wall() === NOW)
  const by = { purpose: 'call-manager', id: 'node-2' as NodeId, host: '', port: 1 } as const
  const token = makeToken(CA, { ...by, expires: NOW - 1_000 })
  const { publicKey } = newKey()
  const own = { name: 'two', host: '10.0.0.2', port: 7_480, schema: 1, now: NOW }
  const request: JoinRequest = { token, ...own, publicKey }
  say({ kind: 'join', id: 1, request })
  await vi.waitUntil(() => answers.length === 1)
  const why = expect.stringMatching(/^the token has expired .*2026-11-22/) as string
  expect(answers).toEqual([{ kind: 'refused', why }])
  close()
})
