//! Whom leadership goes to, of nodes that stand in different ways.

import { expect, test } from 'vitest'
import { rankOf, type Unfit } from '../../src/cluster/fitness.ts'
import { type GroupWish, successor, type Peers, wished } from '../../src/cluster/wishes.ts'
import type { NodeId } from '../../src/control/ids.ts'
import type { Raft, RaftStatus } from '../../src/raft/raft.ts'

const [A, B, C, D] = ['node-1', 'node-2', 'node-3', 'node-4'] as NodeId[] as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
]
const SLOW: Unfit = { why: 'its disk is slow', grade: 'reserve' }
const DRAINED: Unfit = { why: 'drained', grade: 'spared' }
const DOWN: Unfit = { why: 'eth0 is down', grade: 'useless' }

type Follower = RaftStatus['followers'][0]
const follower = (id: NodeId, match: number, state: Follower['state'] = 'replicate') =>
  ({ id, match, state }) as Follower

function ofA(followers: readonly Follower[], learners: readonly NodeId[] = []) {
  const voters = [A, ...followers.map(({ id }) => id)].filter((id) => !learners.includes(id))
  return { id: A, membership: { voters, learners }, followers }
}

function peers(unfit: Readonly<Record<string, Unfit>> = {}, down: readonly NodeId[] = []): Peers {
  return { isUp: (id) => !down.includes(id), unfit: (id) => unfit[id], promised: () => 1 }
}

test('whoever is furthest, of those that are there, vote and follow closely', () => {
  const far = [follower(B, 7), follower(C, 9), follower(D, 8)]
  expect(successor(ofA(far), peers())).toBe(C)
  expect(successor(ofA(far), peers({}, [C]))).toBe(D)
  expect(successor(ofA(far, [C]), peers())).toBe(D)
  const behind = [follower(B, 7), follower(C, 9, 'snapshot'), follower(D, 8, 'probe')]
  expect(successor(ofA(behind), peers())).toBe(B)
})

test('whoever would serve best, however far; who cannot only when there is nobody else', () => {
  const both = ofA([follower(B, 9), follower(C, 7)])
  expect(successor(both, peers({ [B]: DRAINED }))).toBe(C)
  expect(successor(both, peers({ [B]: DOWN, [C]: DRAINED }))).toBe(C)
  expect(successor(both, peers({ [B]: DOWN, [C]: DOWN }))).toBe(B)
})

test('one that cannot serve hands over to one in reserve, and that one to none of its kind', () => {
  const both = ofA([follower(B, 9), follower(C, 7)])
  const [spared, useless] = [rankOf('spared'), rankOf('useless')]
  expect(successor(both, peers({ [B]: DOWN, [C]: DRAINED }), useless)).toBe(C)
  expect(successor(both, peers({ [B]: DOWN, [C]: DRAINED }), spared)).toBeUndefined()
  expect(successor(both, peers({ [B]: DOWN, [C]: DOWN }), useless)).toBeUndefined()
  expect(successor(both, peers({ [B]: DRAINED, [C]: SLOW }), spared)).toBe(C)
})

/** What comes of asking A, and whom it went to. */
function asked(wish: GroupWish, unfit: Readonly<Record<string, Unfit>>) {
  let to: NodeId | undefined
  const raft = {
    status: () => ({
      ...ofA([follower(B, 9), follower(C, 7)]),
      role: 'leader',
      leader: A,
    }),
    transferTo: (node: NodeId) => {
      to = node
      return { ok: true }
    },
  } as unknown as Raft
  return wished(raft, wish, peers(unfit)) ?? to
}
const DRAIN: GroupWish = { kind: 'drain', isDrained: true, isForced: false }
const TRANSFER: GroupWish = { kind: 'transfer', to: undefined }

test('one that is spared leaves it to any that can serve, however badly', () => {
  expect(asked(DRAIN, { [A]: SLOW, [B]: SLOW, [C]: SLOW })).toBeUndefined()
  expect(asked(DRAIN, { [B]: DRAINED, [C]: DOWN })).toBe(
    'no other node could take over: node-2 (drained), node-3 (eth0 is down)',
  )
})

test('leadership goes to one as good at least, or is not moved', () => {
  expect(asked(TRANSFER, { [A]: SLOW, [B]: DRAINED, [C]: SLOW })).toBe(C)
  expect(asked({ kind: 'transfer', to: B }, { [A]: DOWN, [B]: DRAINED })).toBe(B)
  expect(asked({ kind: 'transfer', to: B }, { [A]: DOWN, [B]: DOWN })).toMatch(/eth0 is down$/)
  expect(asked(TRANSFER, { [B]: SLOW, [C]: SLOW })).toMatch(
    /ready to serve: node-2 \(its disk is slow\), node-3 \(its disk is slow\)$/,
  )
})
