//! What `pbx status` says of a node.

import { expect, test } from 'vitest'
import { memberText } from '../../src/cli/member-text.ts'

const NODE = { id: 'node-2', kind: 'voter' } as const

test.each([
  [NODE, 'node-1', 'voter'],
  [NODE, 'node-2', 'leader'],
  [{ ...NODE, unfit: 'drained' }, undefined, 'voter, drained'],
  [
    { ...NODE, clockAhead: 3_600_400 },
    'node-2',
    'leader, its clock is 3,600 s ahead (timedatectl)',
  ],
  [
    { ...NODE, unfit: 'drained', clockAhead: -2_600 },
    'node-1',
    'voter, drained, its clock is 3 s behind (timedatectl)',
  ],
  [
    { ...NODE, clockAhead: -315_360_000_000 },
    'node-1',
    'voter, its clock is 3,650 days behind (timedatectl)',
  ],
])('%j, led by %s', (member, leader, said) => {
  expect(memberText(member, leader)).toBe(said)
})
