//! What nodes tell each other of themselves, over real links on loopback.

import { afterEach, expect, test, vi } from 'vitest'
import { Fitness } from '../../src/cluster/fitness.ts'
import { openPeerLink, type PeerLink } from '../../src/cluster/peer-link.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { authority, issue } from '../../src/x509/issue.ts'
import { realHost } from '../store/host.ts'

const CA = authority('pbx cluster', new Date())
const [A, B] = ['node-1', 'node-2'] as NodeId[] as [NodeId, NodeId]
const open: PeerLink[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((link) => link.close()))
})

async function node(id: NodeId, port = 0) {
  const host = realHost()
  const listen = { host: '127.0.0.1', port }
  const identity = issue([id], CA)
  const link = await openPeerLink({ host, id, identity, authority: CA.certificate, listen })
  open.push(link)
  const changes: (string | undefined)[] = []
  const onChanged = (): void => void changes.push(fitness.own?.why)
  const fitness = new Fitness({ host, link, onChanged, onOther: () => {} })
  return { link, changes, fitness }
}

test('of two concerns both have to end, and the worse one is told', async () => {
  const { fitness, changes } = await node(A)
  fitness.set('drain', 'drained')
  fitness.set('address', 'eth0 is down')
  fitness.set('disk', 'its disk took 500 ms to commit')
  expect(fitness.own).toEqual({ why: 'eth0 is down', grade: 'useless' })
  fitness.set('address', undefined)
  fitness.set('address', undefined)
  fitness.set('drain', undefined)
  fitness.set('disk', undefined)
  const slow = 'its disk took 500 ms to commit'
  expect(changes).toEqual(['drained', 'eth0 is down', 'drained', slow, undefined])
})

test('the others know, also who comes later; of who is gone nothing is known', async () => {
  const [a, b] = [await node(A), await node(B)]
  const { port } = b.link
  a.fitness.set('drain', 'drained')
  a.link.dial({ id: B, host: '127.0.0.1', port })
  await vi.waitUntil(() => b.fitness.of(A)?.why === 'drained')
  expect(b.fitness.of(A)).toEqual({ why: 'drained', grade: 'spared' })
  a.fitness.set('drain', undefined)
  await vi.waitUntil(() => b.fitness.of(A) === undefined)
  a.fitness.set('address', 'x'.repeat(1_000))
  await vi.waitUntil(() => b.fitness.of(A)?.why.length === 200)
  expect(b.fitness.of(A)?.grade).toBe('useless')
  await b.link.close()
  await vi.waitUntil(() => b.fitness.of(A) === undefined)
  const again = await node(B, port)
  await vi.waitUntil(() => again.fitness.of(A) !== undefined, { timeout: 10_000 })
})

test('who is unfit leaves it to one that is there and better, not to who is gone', async () => {
  const [a, b] = [await node(A), await node(B)]
  const { port } = b.link
  a.fitness.set('drain', 'drained')
  expect(a.fitness.isAnyBetter([A, B])).toBe(false)
  a.link.dial({ id: B, host: '127.0.0.1', port })
  await vi.waitUntil(() => a.fitness.isAnyBetter([A, B]))
  // It would be waited for, and may have the shorter log.
  b.fitness.set('disk', 'its disk took 500 ms to commit')
  await vi.waitUntil(() => !a.fitness.isAnyBetter([A, B]))
  a.fitness.set('address', 'eth0 is down')
  expect(a.fitness.isAnyBetter([A, B])).toBe(true)
  expect(a.fitness.isAnyBetter([A])).toBe(false)
  await b.link.close()
  await vi.waitUntil(() => !a.fitness.isAnyBetter([A, B]))
})
