//! Nodes of three that could not serve if they were elected: all know it before, with the mend;
//! they are handed nothing, survive their election, and are as good as others once mended.

import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Status } from '../../src/console/api/shapes.ts'
import { Node, type Trio } from '../cluster/live/trio.ts'
import { Lan } from '../harness/lan.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000

let trio: Trio
threeNodes(TIMEOUT_MS, (started) => void (trio = started))

const idOf = (node: Node): string => `node-${trio.nodes.indexOf(node) + 1}`

function statusOn(node: Node): Status {
  // It ends with 1 when the node is not well.
  const asked = '"$0" "$@" || true'
  const words = [process.execPath, node.main, 'status', '--json', '--data', node.data]
  return JSON.parse(node.host.run('sh', '-c', asked, ...words)) as Status
}

function unfit(node: Node, as: Node): string | undefined {
  return statusOn(as).cluster?.members.find(({ id }) => id === idOf(node))?.unfit
}

async function restarted(node: Node): Promise<void> {
  node.signal('SIGTERM')
  await node.stopped()
  node.start()
  await trio.whole()
}

async function others(): Promise<readonly [Node, Node, Node]> {
  const leader = await trio.leader()
  const [one, other] = trio.nodes.filter((node) => node !== leader)
  if (one === undefined || other === undefined) throw new Error('there are three')
  return [leader, one, other]
}

const DROPPED = '-net_admin,-net_raw'
const POWERLESS = ['setpriv', '--bounding-set', DROPPED, '--inh-caps', DROPPED]

async function serves(node: Node): Promise<boolean> {
  const { cluster } = (await trio.serving()) ?? {}
  return cluster?.node === idOf(node) && cluster.isActive
}

test.skipIf(!can)(
  'one without CAP_NET_ADMIN is unfit from its start, and says so; another is elected',
  { timeout: TIMEOUT_MS },
  async () => {
    const [leader, unable, other] = await others()
    unable.environment = POWERLESS
    await restarted(unable)
    const why = /give pbx CAP_NET_ADMIN/
    await trio.until('it is known', () => why.test(unfit(unable, leader) ?? ''))
    const { health, cluster } = statusOn(unable)
    expect(health.checks[0]?.detail).toMatch(why)
    expect(cluster?.unguarded).toMatch(why)
    expect(() => leader.pbx('transfer-leadership', '--to', idOf(unable))).toThrow(why)
    const saidBefore = unable.output.length
    leader.signal('SIGKILL')
    await leader.stopped()
    await trio.until('the other serves', () => serves(other))
    expect(unfit(unable, other)).toMatch(why)
    leader.start()
    await trio.whole()
    expect(unable.output.slice(saidBefore)).not.toContain('isFit":true')
    unable.environment = []
    await restarted(unable)
    await trio.fit(10_000)
  },
)

/** Has the port of every address there, until it is killed. */
async function taker(node: Node, port: number): Promise<ChildProcess> {
  const program = `require('node:dgram').createSocket('udp4').bind(${port}, () => console.log(1))`
  const child = node.host.spawn(process.execPath, '-e', program)
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  return child
}

test.skipIf(!can)(
  'of two whose SIP port is taken none dies of its election, and who is mended serves',
  { timeout: TIMEOUT_MS },
  async () => {
    const [leader, one, other] = await others()
    const why = /UDP port 5060 on .* is taken: stop the program that has it/
    const takers: ChildProcess[] = []
    for (const node of [one, other]) {
      node.signal('SIGTERM')
      await node.stopped()
      takers.push(await taker(node, 5060))
      node.start()
      await trio.whole()
    }
    for (const node of [one, other])
      await trio.until('it is known', () => why.test(unfit(node, leader) ?? ''))
    expect(statusOn(one).health.checks[0]?.detail).toMatch(why)
    expect(() => leader.pbx('transfer-leadership', '--to', idOf(one))).toThrow(why)
    leader.signal('SIGKILL')
    await leader.stopped()
    const elected = (node: Node): boolean => node.output.includes('"node.cannot-serve"')
    await trio.until('one is elected', () => elected(one) || elected(other))
    expect([one.isRunning, other.isRunning]).toEqual([true, true])
    takers[1]?.kill()
    await trio.until('the one that is mended serves', () => serves(other))
    leader.start()
    await trio.whole()
    takers[0]?.kill()
    await trio.fit(20_000)
    other.pbx('transfer-leadership', '--to', idOf(one))
    await trio.until('the other serves', () => serves(one))
    expect(one.output + other.output).not.toContain('server.failed')
  },
)

test.skipIf(!can)(
  'who asks for a transfer is told when it comes to nothing',
  { timeout: TIMEOUT_MS },
  async () => {
    const [leader, paused] = await others()
    paused.signal('SIGSTOP')
    expect(() => leader.pbx('transfer-leadership', '--to', idOf(paused))).toThrow(
      `${idOf(paused)} was not elected, `,
    )
    paused.signal('SIGCONT')
    await trio.whole()
  },
)

test.skipIf(!can)(
  'one with other ports than the others is told of by all',
  { timeout: TIMEOUT_MS },
  async () => {
    const [leader, moved] = await others()
    moved.options = ['--sip-port', '5070']
    await restarted(moved)
    const { cluster } = statusOn(leader)
    const differs = 'sip-port 5070 (here 5060)'
    expect(cluster?.members.find(({ id }) => id === idOf(moved))).toMatchObject({ differs })
    const saidThere = statusOn(moved).cluster?.members.map((member) => member.differs)
    expect(saidThere?.toSorted()).toEqual([
      'sip-port 5060 (here 5070)',
      'sip-port 5060 (here 5070)',
      undefined,
    ])
    moved.options = []
    await restarted(moved)
  },
)

test.skipIf(!can)(
  'alone and without CAP_NET_ADMIN it goes on, and says what it lacks',
  { timeout: TIMEOUT_MS },
  async () => {
    const lan = new Lan('one')
    const directory = mkdtempSync(join(tmpdir(), 'pbx-one-'))
    const node = new Node(lan.host('n1', 1), join(directory, 'n1'))
    const own = ['--address', node.host.address, '--name', 'b']
    node.pbx('cluster', 'init', ...own, '--vip', '10.9.0.100/24')
    node.environment = POWERLESS
    node.start()
    await trio.until('it leads', () => node.output.includes('"leader.changed"'))
    await sleep(3_000)
    const { name, health, cluster } = statusOn(node)
    // Not that of the host, nor one that it is started with.
    expect([name, /"node":"([^"]+)"/.exec(node.output)?.[1]]).toEqual(['b', 'b'])
    expect(health.checks[0]?.detail).toMatch(/give pbx CAP_NET_ADMIN/)
    expect(cluster).toMatchObject({ isActive: false, holdsAddress: false })
    expect(node.output).not.toMatch(/media ports|--address|did not answer|server.failed/)
    node.signal('SIGTERM')
    await node.stopped()
    expect(node.process?.exitCode).toBe(0)
    lan.remove()
    rmSync(directory, { recursive: true })
  },
)
