//! Where the console of a node of a cluster is: at each of the virtual addresses, or nowhere.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Node } from '../cluster/live/trio.ts'
import { Lan, type LanHost } from '../harness/lan.ts'
import { can } from './three-nodes.ts'

const FOUR = '10.9.0.100'
const SIX = 'fd00:9::100'
const TIMEOUT_MS = 60_000

let directory: string
let lan: Lan
let node: Node
let client: LanHost

beforeAll(() => {
  if (!can) return
  directory = mkdtempSync(join(tmpdir(), 'pbx-console-'))
  lan = new Lan('pbx')
  node = new Node(lan.host('n1', 1), join(directory, 'n1'))
  node.host.run('ip', 'addr', 'add', 'fd00:9::1/64', 'dev', 'eth0', 'nodad')
  client = lan.host('client', 200)
  client.run('ip', 'addr', 'add', 'fd00:9::200/64', 'dev', 'eth0', 'nodad')
  const vips = `${FOUR}/24,${SIX}/64`
  node.pbx('cluster', 'init', '--address', node.host.address, '--name', 'n1', '--vip', vips)
})

afterAll(async () => {
  if (!can) return
  node.signal('SIGTERM')
  await node.stopped()
  lan.remove()
  rmSync(directory, { recursive: true })
})

test.skipIf(!can)('an address of its own is refused: nobody would look for it there', async () => {
  node.start('--address', node.host.address)
  await node.stopped()
  expect(node.process?.exitCode).toBe(2)
  expect(node.output).toContain(
    `pbx: address ${node.host.address}: a node of a cluster is reached by the virtual address ` +
      `(${FOUR}, ${SIX}): take address out of the settings`,
  )
})

test.skipIf(!can)(
  'who asks at the address of IPv4, or of IPv6, is answered',
  { timeout: TIMEOUT_MS },
  async () => {
    node.start()
    const until = Date.now() + TIMEOUT_MS / 2
    while (!node.output.includes('console ') && Date.now() < until) await sleep(100)
    for (const at of [FOUR, `[${SIX}]`]) expect(statusAt(`http://${at}:8888/healthz`)).toBe('200')
  },
)

function statusAt(url: string): string {
  const asked = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '5', url]
  const told = client.run('sh', '-c', 'curl "$@" || true', 'curl', ...asked)
  return told.trim()
}
