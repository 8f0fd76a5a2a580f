//! What a node that does not serve answers to commands.

import fastify from 'fastify'
import { expect, test } from 'vitest'
import { standbyRoutes, type StandbyContext } from '../../src/console/standby.ts'

const nodes = [
  { id: 'node-1', name: 'a', host: '192.0.2.1', port: 7_480 },
  { id: 'node-2', name: 'b', host: '192.0.2.2', port: 7_480 },
]

/** As `b`, which takes this one for its leader. */
async function said(leader: string | undefined, vip: string | undefined): Promise<string> {
  const app = fastify()
  const cluster = { standing: { leader }, self: nodes[1], nodes: () => nodes, vip }
  const whyNobodyLeads = (): string => '1 of 3 nodes is connected'
  const context = { cluster: { ...cluster, whyNobodyLeads }, httpsPort: 8_887 }
  standbyRoutes(app, context as unknown as StandbyContext)
  const { statusCode, body } = await app.inject('/api/v1/extensions')
  await app.close()
  return `${statusCode} ${(JSON.parse(body) as { message: string }).message}`
}

test.each([
  ['node-1', '192.0.2.100', / a \(192.0.2.1\) serves; .* --api https:\/\/192.0.2.100:8887 --ca /],
  ['node-1', undefined, / --api https:\/\/192.0.2.1:8887 --ca DATA\/\S+ --token TOKEN /],
  ['node-1', 'fd00::100', / --api https:\/\/\[fd00::100\]:8887 --ca /],
  ['node-2', undefined, / is about to serve: try again$/],
  [undefined, '192.0.2.100', / no node leads: 1 of 3 nodes is connected$/],
])('led by %s, at %s', async (leader, vip, what) => {
  const told = await said(leader, vip)
  expect(told).toMatch(/^503 this node is on standby: /)
  expect(told).toMatch(what)
})
