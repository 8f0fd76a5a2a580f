//! Commands that end when another node leads, asked of a node that comes to it in various ways.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { run } from './run.ts'

let server: Server | undefined
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

type View = { readonly leader?: string; readonly term: number }
const LED: View = { leader: 'node-1', term: 3 }

/** The status in turn, the last one for ever; 401 when there is none. */
async function node(...views: readonly (View | undefined)[]): Promise<readonly string[]> {
  let looks = 0
  const opened = createServer((request, response) => {
    request.resume()
    if (request.method !== 'GET') return void response.writeHead(204).end()
    const view = views[Math.min(looks++, views.length - 1)]
    const members = ['node-1', 'node-2'].map((id) => ({ id, name: id }))
    const cluster = { node: 'node-1', isActive: false, members, ...view }
    response.writeHead(view === undefined ? 401 : 200)
    response.end(JSON.stringify({ cluster, calls: 0, health: { healthy: true, checks: [] } }))
  })
  server = opened
  await new Promise<void>((listening) => opened.listen(0, '127.0.0.1', listening))
  const { port } = opened.address() as AddressInfo
  return ['--api', `http://127.0.0.1:${port}`, '--token', 't']
}

const transfer = async (...views: readonly (View | undefined)[]): Promise<string> => {
  const target = await node(...views)
  const { code, out, error } = await run(['transfer-leadership', '--to', 'node-2', ...target])
  return `${code} ${out}${error}`
}

test('who leads afterwards is said', async () => {
  expect(await transfer(LED, LED, { leader: 'node-2', term: 4 })).toMatch(/^0 node-2 leads/)
  expect(await transfer(LED, { term: 4 }, { leader: 'node-1', term: 5 })).toMatch(
    /^1 pbx: node-2 was not elected, node-1 leads: see pbx status, and the logs of both/,
  )
})

test('another that answers there, and knows another token, is not asked again', async () => {
  expect(await transfer(LED, undefined)).toMatch(/^1 pbx: another node answers there now: /)
})

test('a leader that does not serve has not been taken over from', async () => {
  const forced = await run(['drain', '--force', ...(await node(LED))])
  expect(forced.out).toMatch(/no calls are left\n$/)
  const other = await run(['drain', ...(await node(LED, { leader: 'node-2', term: 4 }))])
  expect(other.out).toMatch(/node-2 serves\n$/)
})
