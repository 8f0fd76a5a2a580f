//! What `pbx status` says of the cluster.

import { expect, test } from 'vitest'
import { clusterText } from '../../src/cli/run-command.ts'

const CLUSTER = {
  node: 'node-1',
  role: 'leader',
  isActive: true,
  leader: 'node-1',
  term: 7,
  holdsAddress: true,
  isGuarded: true,
  urgency: 'raised',
  why: 'this node was elected in term 7',
  since: '2026-11-21T12:00:00.000Z',
  applied: 30_000,
  compared: 29_000,
  members: [],
} as const

test('that it was removed, and what to do', () => {
  const dismissed = 'node-1 was removed from the cluster'
  const said = clusterText({ ...CLUSTER, members: [], dismissed })
  expect(said).toContain(`\nremoved     ${dismissed}: stop it and wipe its data`)
  expect(clusterText({ ...CLUSTER, members: [] })).not.toContain('removed')
})

test('why who is far behind stays so, when the leader knows', () => {
  const why = 'no room: 120 MiB are needed in /var/lib/pbx'
  const said = clusterText({ ...CLUSTER, members: [], noSnapshot: why })
  expect(said).toContain(`\nsnapshot    who is far behind waits for one: ${why}\n`)
  expect(clusterText({ ...CLUSTER, members: [] })).not.toContain('snapshot')
})

test('what is other in the settings of a node', () => {
  const at = '192.0.2.2:7480'
  const member = { id: 'node-2', name: 'b', at, kind: 'voter', isConnected: true } as const
  const differs = 'sip-port 5070 (here 5060)'
  expect(clusterText({ ...CLUSTER, members: [{ ...member, differs }] })).toContain(
    '\nsettings    node-2 has sip-port 5070 (here 5060): start both with the same\n',
  )
  expect(clusterText({ ...CLUSTER, members: [member] })).not.toContain('settings')
})

test('what a node lacks widens no column', () => {
  const member = { id: 'node-1', name: 'a', at: '192.0.2.1:7480', isConnected: true, lag: 0 }
  const members = [
    { ...member, kind: 'voter' as const },
    { ...member, id: 'node-2', kind: 'voter' as const, unfit: 'x'.repeat(200) },
  ]
  const lines = clusterText({ ...CLUSTER, members }).split('\n')
  expect(lines.find((line) => line.startsWith('node-1'))).toBe(
    'node-1  a     192.0.2.1:7480  yes        0       ?      leader',
  )
})
