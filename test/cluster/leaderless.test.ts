//! What is said where nobody leads.

import { expect, test } from 'vitest'
import { whyNobodyLeads } from '../../src/cluster/leaderless.ts'
import type { NodeId } from '../../src/control/ids.ts'

const nodes = [
  { id: 'node-1' as NodeId, name: 'a', port: 7_480 },
  { id: 'node-2' as NodeId, name: 'b', port: 7_490 },
]
const member = (number: number, isConnected: boolean, kind: 'voter' | 'learner' = 'voter') => ({
  id: `node-${number}` as NodeId,
  kind,
  isConnected,
})

test.each([
  [
    [member(1, true), member(2, false), member(3, false), member(4, true, 'learner')],
    /^1 of 3 nodes is connected, 2 are needed: start b \(node-2\), node-3, or see .* \(7490\)/,
  ],
  [[member(1, true), member(2, true), member(3, false)], /^one is being elected: try again/],
  [
    [member(1, true), member(2, true), member(3, false), member(4, false)],
    /^2 of 4 nodes are connected, 3 are needed: start node-3, node-4, or/,
  ],
  [[], /^this node has not been spoken to yet: start the others, or .* \(7490\) is open/],
  [
    [member(1, true), member(3, false)],
    /start node-3, or see whether their TCP port for other nodes is open to this host; if/,
  ],
])('%j', (members, said) => {
  expect(whyNobodyLeads(member(1, true).id, members, nodes)).toMatch(said)
})
