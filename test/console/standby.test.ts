//! What a node that does not serve answers to commands.

import fastify from 'fastify'
import { expect, test } from 'vitest'
import { standbyRoutes, type StandbyContext } from '../../src/console/standby.ts'

const nodes = [
  { id: 'node-1', name: 'a', host: '192.0.2.1', port: 7_480 },
  { id: 'node-2', name: 'b', host: '192.0.2.2', port: 7_480 },
]

/** As `b`, which takes this one for its leader. */
async function said(leader: string | undefined, isIssued = true): Promise<string> {
  const app = fastify()
  const cluster = {
    standing: { id: 'node-2', leader, members: [] },
    self: nodes[1],
    nodes: () => nodes,
  }
  const whyNobodyLeads = (): string => '1 of 3 nodes is connected'
  const context = { cluster: { ...cluster, whyNobodyLeads }, httpsPort: 8_887, isIssued }
  standbyRoutes(app, context as unknown as StandbyContext)
  const { statusCode, body } = await app.inject('/api/v1/extensions')
  await app.close()
  return `${statusCode} ${(JSON.parse(body) as { message: string }).message}`
}

test.each([
  ['node-1', true, / a \(192.0.2.1\) serves: .* --api https:\/\/192.0.2.1:8887 --ca .* --token /],
  ['node-1', false, / a \(192.0.2.1\) serves: run pbx there$/],
  ['node-2', true, / is about to serve: try again$/],
  [undefined, true, / no node leads: 1 of 3 nodes is connected$/],
])('led by %s, with a certificate of the cluster: %s', async (leader, isIssued, what) => {
  const told = await said(leader, isIssued)
  expect(told).toMatch(/^503 this node is on standby: /)
  expect(told).toMatch(what)
})
