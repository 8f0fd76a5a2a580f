//! Why another leads, as one node tells it.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { Succession } from '../../src/cluster/succession.ts'
import type { NodeId } from '../../src/control/ids.ts'

const [A, B, C] = ['node-1', 'node-2', 'node-3'] as NodeId[] as [NodeId, NodeId, NodeId]

/** As B sees it: A led in term 1, and then another does. */
function told(
  leader: NodeId,
  { term = 2, isConnected = true, leaves = '', from = A, after = 1_000 } = {},
): string {
  const succession = new Succession()
  const first = { leader: A, term: 1, self: B, isConnected: () => true }
  expect(succession.elected(first, millis(0))).toBe(
    'node-1 is the first to lead since this node began',
  )
  if (leaves !== '') succession.leaves(from, leaves, millis(0))
  const why = succession.elected(
    { leader, term, self: B, isConnected: () => isConnected },
    millis(after),
  )
  expect(succession.last).toBe(leader)
  return why
}

const HANDED = 'handed over (it is being stopped)'

test.each([
  [told(C, { leaves: HANDED }), 'node-3 was elected: node-1 handed over (it is being stopped)'],
  [told(B, { leaves: HANDED }), 'this node was elected: node-1 handed over (it is being stopped)'],
  // It came to nothing then, or is not of who led.
  [
    told(C, { leaves: HANDED, after: 6_000 }),
    'node-3 was elected: node-1 was not heard of in time',
  ],
  [told(C, { leaves: HANDED, from: C }), 'node-3 was elected: node-1 was not heard of in time'],
  [told(C, { isConnected: false }), 'node-3 was elected: node-1 is not connected any more'],
  [told(B), 'this node was elected: node-1 was not heard of in time'],
  [told(A, { term: 1 }), 'node-1 is heard of again'],
  [told(A), 'node-1 was elected: it had not been heard of by most others in time'],
])('%s', (said, expected) => {
  expect(said).toBe(expected)
})

test('who led itself, and was not heard', () => {
  const succession = new Succession()
  const isConnected = (): boolean => true
  succession.elected({ leader: B, term: 1, self: B, isConnected }, millis(0))
  expect(succession.elected({ leader: C, term: 2, self: B, isConnected }, millis(9_000))).toBe(
    'node-3 was elected: this node was not heard of by most others in time',
  )
})
