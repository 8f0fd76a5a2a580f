//! What `pbx status` says of the schema.

import { expect, test } from 'vitest'
import { schemaText } from '../../src/cli/schema.ts'

test.each([
  [[], '10; 11 comes next'],
  [[{ node: 'node-2' }], '10; 11 waits for node-2 (not connected)'],
  [
    [{ node: 'node-2', knows: 10 }, { node: 'node-3' }],
    '10; 11 waits for node-2 (knows 10: update pbx there), node-3 (not connected)',
  ],
])('an upgrade that waits for %j', (waitsFor, said) => {
  expect(schemaText({ schema: 10, cluster: { upgrade: { to: 11, waitsFor } } })).toBe(said)
})

test.each([[{ schema: 10 }], [{ schema: 10, cluster: {} }]])('none waits: %j', (status) => {
  expect(schemaText(status)).toBe('10')
})
