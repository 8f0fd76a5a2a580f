//! What the administrator of three nodes is told by the one that he asks, and what helps him then.

import { X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { BadHost, buildBadHost } from '../cluster/live/bad-host.ts'
import { Node, type Trio } from '../cluster/live/trio.ts'
import { isCurrent } from '../../src/x509/issue.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000
const TEN_YEARS_MS = 10 * 365 * 86_400_000

let trio: Trio
threeNodes(TIMEOUT_MS, (started) => void (trio = started))

const faults = mkdtempSync(join(tmpdir(), 'pbx-told-'))
const library = buildBadHost(faults)
afterAll(() => rmSync(faults, { recursive: true }))

/** Both streams, whether or not it is carried out; one that waits for ever is cut short. */
function said(node: Node, ...args: readonly string[]): string {
  try {
    const words = [process.execPath, node.main, ...args, '--data', node.data]
    return node.host.run('timeout', '30', ...words)
  } catch (failure) {
    const { stdout, stderr } = failure as { stdout?: unknown; stderr?: unknown }
    return `${String(stdout)}${String(stderr)}`
  }
}

async function standbys(): Promise<[Node, Node, Node]> {
  const leader = await trio.leader()
  const [one, other] = trio.nodes.filter((node) => node !== leader)
  if (one === undefined || other === undefined) throw new Error('there are three')
  return [leader, one, other]
}

test.skipIf(!can)('who asks a standby is told a command that works', async () => {
  const [leader, standby] = await standbys()
  const refused = said(standby, 'extension', 'list')
  expect(refused).toContain(`${leader.host.name} (${leader.host.address}) serves: run pbx there`)
  const [, api = '', ca = ''] = /--api (\S+) --ca DATA(\S+)/.exec(refused) ?? []
  const token = readFileSync(join(leader.data, 'api.token'), 'utf8').trim()
  const there = ['--api', api, '--ca', join(standby.data, ca), '--token', token]
  expect(said(standby, 'extension', 'add', '1001', ...there)).toContain('1001@')
})

test.skipIf(!can)('nodes go by their names, and who leads is told how it goes', async () => {
  const [leader, next] = await standbys()
  const leaderId = `node-${trio.nodes.indexOf(leader) + 1}`
  const { name } = leader.host
  expect(said(leader, 'cluster', 'remove', name)).toContain(
    `${leaderId} leads: run pbx transfer-leadership here, and pbx cluster remove ${leaderId} on`,
  )
  expect(said(leader, 'cluster', 'remove', 'nobody')).toMatch(
    /no node nobody; there are n1 \(node-1/,
  )
  leader.pbx('transfer-leadership', '--to', next.host.name.toUpperCase())
  await trio.until('it serves', async () => (await trio.leader()) === next)
})

test.skipIf(!can)(
  'a node that is reached elsewhere is found again, and all know it once it has led',
  { timeout: TIMEOUT_MS },
  async () => {
    const [, moved, other] = await standbys()
    const { name, address } = moved.host
    moved.signal('SIGTERM')
    await moved.stopped()
    expect(moved.pbx('cluster', 'change', '--cluster-port', '7490')).toContain(
      `at ${address} port 7490`,
    )
    moved.start()
    await trio.whole()
    const leader = await trio.leader()
    leader.pbx('transfer-leadership', '--to', name)
    await trio.until('it serves', async () => (await trio.leader()) === moved)
    const there = `${address}:7490`
    for (const node of [leader, other])
      await trio.until('it is known', () => said(node, 'status').includes(there))
  },
)

test.skipIf(!can || library === undefined)(
  'a node whose clock is ten years behind is connected, told of, and right when it is set',
  { timeout: TIMEOUT_MS },
  async () => {
    const [leader, late] = await standbys()
    const host = new BadHost(library ?? '', join(faults, 'host'), late.data)
    late.environment = host.environment
    late.signal('SIGTERM')
    await late.stopped()
    host.jumpClock(-TEN_YEARS_MS)
    rmSync(join(late.data, 'tls'), { recursive: true })
    late.start()
    await trio.whole()
    for (const node of [leader, late])
      await trio.until('it is told', () =>
        /hour: let NTP set it, its clock is 3,650 days behind/.test(said(node, 'status')),
      )
    const isOfToday = (): boolean => {
      const pem = readFileSync(join(late.data, 'tls', 'certificate.pem'))
      return isCurrent(new X509Certificate(pem), Date.now())
    }
    expect(isOfToday()).toBe(false)
    host.jumpClock(0)
    await trio.until('what phones see is of today', isOfToday)
    await trio.until('it is near the others', () => !said(leader, 'status').includes('NTP'))
    late.signal('SIGTERM')
    await late.stopped()
    late.environment = []
    late.start()
    await trio.whole()
  },
)

test.skipIf(!can)(
  'who is left of three says how many are needed, and its state is not lost with the others',
  { timeout: TIMEOUT_MS },
  async () => {
    await trio.write('1002')
    const [leader, left, other] = await standbys()
    await trio.whole()
    for (const node of [leader, other]) {
      node.signal('SIGKILL')
      await node.stopped()
    }
    const count =
      /no node leads: 1 of 3 nodes is connected, 2 are needed: start n\d \(node-\d\), n\d/
    await trio.until('it is told', () => count.test(said(left, 'status')))
    expect(said(left, 'status')).toContain('sip         closed: this node is on standby\n')
    for (const command of [['extension', 'list'], ['logs'], ['transfer-leadership']])
      expect(said(left, ...command)).toMatch(count)
    expect(said(left, 'drain')).toContain('none could take over: see pbx status, or drain with --f')
    // What the README says for hosts that are lost for good.
    left.signal('SIGTERM')
    await left.stopped()
    // Nothing that was written is elsewhere.
    expect(existsSync(join(left.data, 'pbx.db-wal'))).toBe(false)
    const anew = new Node(left.host, `${left.data}-anew`)
    const { name, address } = left.host
    anew.pbx('cluster', 'init', '--address', address, '--name', name, '--vip', `${trio.vip}/24`)
    trio.nodes = [anew]
    anew.start()
    await trio.until('it serves', async () => (await trio.serving()) !== undefined)
    const [file, key] = ['pbx.db', 'secret.key'].map((each) => join(left.data, each))
    anew.pbx('restore', file ?? '', '--key', key ?? '', '--yes')
    expect(said(anew, 'extension', 'list')).toMatch(/1001(.|\n)*1002/)
  },
)
