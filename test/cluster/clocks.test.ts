//! The time of a cluster, and what nodes tell each other of their clocks, over real links.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { millis, wallTime } from '../../src/base/time.ts'
import { ClusterTime } from '../../src/cluster/cluster-time.ts'
import { Clocks } from '../../src/cluster/clocks.ts'
import { openPeerLink, type PeerLink } from '../../src/cluster/peer-link.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { authority, issue } from '../../src/x509/issue.ts'
import { realHost, type LoggedEvent } from '../store/host.ts'

const HOUR = 3_600_000
const BEGAN = 1_767_225_600_000

/** A host whose wall clock can be set. */
class Clock {
  passed = 0
  ahead = 0
  readonly now = () => millis(17 + this.passed)
  readonly wall = () => wallTime(BEGAN + this.passed + this.ahead)
}

describe('the time of a cluster', () => {
  test('is the wall clock where nobody has served before', () => {
    const clock = new Clock()
    const time = new ClusterTime(clock)
    expect(time.read()).toBe(BEGAN)
    clock.passed = 1_000
    expect(time.read()).toBe(BEGAN + 1_000)
    expect(time.ahead).toBe(0)
  })

  test.each([HOUR, -HOUR])('goes on where it was when the clock is set by %d ms', (by) => {
    const clock = new Clock()
    const time = new ClusterTime(clock)
    clock.ahead = by
    expect(time.read()).toBe(BEGAN)
    expect(time.ahead).toBe(-by)
    clock.passed = 10_000
    expect(time.read()).toBe(BEGAN + 10_000 + Math.sign(by) * 1_000)
    clock.passed = 10 * HOUR
    expect(time.read()).toBe(clock.wall())
    clock.passed = 11 * HOUR
    expect(time.ahead).toBe(0)
  })

  test.each([HOUR, -HOUR])('goes on on a host whose clock is %d ms ahead', (ahead) => {
    const before = new ClusterTime(new Clock())
    const clock = new Clock()
    clock.ahead = ahead
    const time = new ClusterTime(clock)
    time.follow(before.read())
    expect(time.read()).toBe(BEGAN)
    const thread = new ClusterTime(clock, time.ahead)
    expect(thread.read()).toBe(BEGAN)
    clock.passed = 1_000
    expect(thread.read()).toBe(time.read())
  })

  test('never goes backwards, whatever the clock does', () => {
    const clock = new Clock()
    const time = new ClusterTime(clock)
    let last = time.read()
    for (const by of [5, -7, HOUR, -HOUR, 0.4, -50 * 365 * 24 * HOUR, 3]) {
      clock.ahead += by
      clock.passed += 10.3
      const read = time.read()
      expect(read).toBeGreaterThanOrEqual(last)
      expect(Number.isInteger(read)).toBe(true)
      last = read
    }
  })
})

const CA = authority('pbx cluster', new Date())
const [A, B, C] = ['node-1', 'node-2', 'node-3'] as NodeId[] as [NodeId, NodeId, NodeId]
const open: PeerLink[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((link) => link.close()))
})

async function node(id: NodeId, ahead = 0, leader: NodeId | undefined = A) {
  const events: LoggedEvent[] = []
  const real = realHost(events)
  const set = { ahead }
  const host = { ...real, wall: () => wallTime(real.wall() + set.ahead) }
  const listen = { host: '127.0.0.1', port: 0 }
  const identity = issue([id], CA)
  const link = await openPeerLink({ host, id, identity, authority: CA.certificate, listen })
  open.push(link)
  return { link, events, set, clocks: new Clocks({ host, self: id, link, leader: () => leader }) }
}

type Node = Awaited<ReturnType<typeof node>>

async function joined(...nodes: readonly Node[]): Promise<void> {
  const ids = [A, B, C]
  nodes.forEach((each, place) =>
    nodes.slice(place + 1).forEach(({ link }, next) => {
      const id = ids[place + 1 + next]
      if (id !== undefined) each.link.dial({ id, host: '127.0.0.1', port: link.port })
    }),
  )
  await vi.waitUntil(() => nodes.every(({ link }) => link.peers.length === nodes.length - 1))
}

test('who follows has the time of who leads, and of nobody else', async () => {
  const nodes = [await node(A, HOUR), await node(B), await node(C, -HOUR, C)] as const
  await joined(...nodes)
  const [, b, c] = nodes
  const isNear = (found: number, wanted: number): boolean => Math.abs(found - wanted) < HOUR / 60
  await vi.waitUntil(() => isNear(b.clocks.time.ahead, HOUR))
  c.clocks.tick()
  await vi.waitUntil(() => isNear(b.clocks.off(C) ?? 0, -HOUR))
  expect(isNear(b.clocks.time.ahead, HOUR)).toBe(true)
  expect(isNear(c.clocks.time.ahead, 0)).toBe(true)
})

test('a clock that differs from most is told, and logged where it is', async () => {
  const nodes = [await node(A), await node(B), await node(C)] as const
  await joined(...nodes)
  const [a, b, c] = nodes
  expect(nodes.map(({ clocks }) => clocks.off(A))).toEqual([undefined, undefined, undefined])
  const offAt = (node: Node): number => (node.clocks.off(C) ?? 0) / HOUR
  const tick = (): void => nodes.forEach(({ clocks }) => clocks.tick())
  c.set.ahead = -HOUR
  tick()
  await vi.waitUntil(() => nodes.every((each) => offAt(each) < -0.9))
  const warned = (): number[] =>
    nodes.map(({ events }) => events.filter(({ event }) => event === 'clock.off').length)
  // It may be that what was told had waited.
  for (let looks = 1; looks < 4; looks++) tick()
  expect(warned()).toEqual([0, 0, 0])
  tick()
  tick()
  expect(warned()).toEqual([0, 0, 1])
  expect([a.clocks.off(A), a.clocks.off(B), b.clocks.off(A)]).toEqual(Array(3).fill(undefined))
  c.set.ahead = 0
  // Before anybody has said anything.
  expect(c.clocks.off(C)).toBeUndefined()
  tick()
  await vi.waitUntil(() => a.clocks.off(C) === undefined && c.clocks.off(C) === undefined)
  c.clocks.tick()
  expect(c.events.at(-1)?.event).toBe('clock.right-again')
})

test('who is off by more than an hour had better not serve, and may when it is set', async () => {
  const nodes = [await node(A), await node(B), await node(C, -50 * 365 * 24 * HOUR)] as const
  await joined(...nodes)
  const [a, b, c] = nodes
  await vi.waitUntil(() => nodes.every(({ clocks }) => clocks.off(C) !== undefined))
  const ticked = (times: number) => {
    for (let looks = 1; looks < times; looks++) nodes.forEach(({ clocks }) => clocks.tick())
    return nodes.map(({ clocks }) => clocks.tick())
  }
  expect(nodes.map(({ clocks }) => clocks.isSure)).toEqual([true, true, false])
  const offByFar = 'its clock is, or was, off by more than an hour: let NTP set it'
  expect(ticked(4)).toEqual([undefined, undefined, undefined])
  expect(ticked(1)).toEqual([undefined, undefined, offByFar])
  // Of two nobody knows who is right, but it knew before.
  await a.link.close()
  await vi.waitUntil(() => c.clocks.off(C) === undefined)
  expect([b.clocks.isSure, c.clocks.isSure]).toEqual([false, false])
  expect([b.clocks.tick(), c.clocks.tick()]).toEqual([undefined, offByFar])
  c.set.ahead = 60_000 - HOUR
  expect(c.clocks.tick()).toBe(offByFar)
  c.set.ahead = 60_000
  await vi.waitUntil(() => c.clocks.tick() === undefined)
})

test('of two it is the other one', async () => {
  const nodes = [await node(A, HOUR), await node(B)] as const
  await joined(...nodes)
  const [a, b] = nodes
  await vi.waitUntil(() => a.clocks.off(B) !== undefined && b.clocks.off(A) !== undefined)
  expect([a.clocks.off(A), b.clocks.off(B)]).toEqual([undefined, undefined])
  await b.link.close()
  await vi.waitUntil(() => a.clocks.off(B) === undefined)
})

test.each(['', '1', '-1 5', '1e3 1', `1 ${'9'.repeat(40)}`])('"%s" says nothing', async (said) => {
  const nodes = [await node(A), await node(B)] as const
  await joined(...nodes)
  const [a, b] = nodes
  const before = b.clocks.time.ahead
  a.link.send(B, 'clock', Buffer.from(said))
  await vi.waitUntil(() => b.events.some(({ event }) => event === 'peer.message-unreadable'))
  expect(Math.abs(b.clocks.time.ahead - before)).toBeLessThan(HOUR / 60)
})
