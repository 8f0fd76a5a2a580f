//! Sound on hosts of its own: three nodes, two media servers, real phones. Whoever leads may be
//! lost, and nobody hears it; a media server may be lost, and another goes on.

import { afterAll, expect, test } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Baresip } from '../harness/baresip.ts'
import type { Trio, Node } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000
/** Fifty packets a second and phone. A node that takes over needs a second and more. */
const GAP_MAX_MS = 600

let trio: Trio
let servers: readonly Node[]
let phones: readonly Baresip[]

threeNodes(TIMEOUT_MS, async (started) => {
  trio = started
  servers = [await trio.addMediaServer('media-1', 31), await trio.addMediaServer('media-2', 32)]
  phones = [await trio.phone('701', 51, 'udp'), await trio.phone('702', 52, 'udp')]
})

afterAll(async () => {
  if (!can) return
  await Promise.all(phones.map((phone) => phone.stop()))
  for (const phone of phones) phone.remove()
})

test.skipIf(!can)('a server says why it is not let in', { timeout: TIMEOUT_MS }, async () => {
  const [first] = servers
  const leader = await trio.leader()
  const add = (...args: readonly string[]): string => leader.pbx('server', 'add', ...args)
  const at = ['--role', 'media', '--address']
  expect(() => add('media-1', ...at, '10.9.0.39')).toThrow('there is a server media-1 already')
  expect(() => add('media-9', ...at, first?.host.address ?? '')).toThrow('address of media-1')
  expect(leader.pbx('server', 'list')).toMatch(/media-1 +media +10\.9\.0\.31 +online/)
})

test.skipIf(!can)(
  'nobody hears that the call manager is lost, and another hangs up',
  { timeout: TIMEOUT_MS },
  async () => {
    const [caller, callee] = await talk()
    const [call] = await trio.calls()
    const carrier = await carrying()
    const watch = watchSound(carrier)
    const leader = await trio.leader()
    leader.signal('SIGKILL')
    await leader.stopped()
    await trio.until('another serves, and has the call', async () => {
      return (await trio.calls()).some(({ id, state }) => id === call?.id && state === 'up')
    })
    await sleep(1_000)
    const gap = await watch.stop()
    expect(gap, 'longest time without sound, ms').toBeLessThan(GAP_MAX_MS)
    expect(leader.output).not.toContain('media-server.lost')
    caller.hangup()
    await callee.event('CALL_CLOSED')
    leader.start()
    await trio.whole()
    const [record] = (await trio.cdrs()).filter((each) => each.call === call?.id)
    expect(record).toMatchObject({ status: 200, endedBy: 'caller' })
    // The counters of the whole call: they were the server's all the time.
    const received = record?.media.map(({ received: { packets } }) => packets) ?? []
    const seconds = (record?.durationMs ?? 0) / 1_000
    expect(Math.min(...received)).toBeGreaterThan(40 * seconds)
    await trio.until('the server is rid of it', async () => (await sessions()) === 0)
  },
)

test.skipIf(!can)(
  'a call goes on when its media server is lost',
  { timeout: TIMEOUT_MS },
  async () => {
    const [caller, callee] = await talk()
    const [call] = await trio.calls()
    const carrier = await carrying()
    const other = servers.find((each) => each !== carrier)
    carrier.signal('SIGKILL')
    await carrier.stopped()
    await trio.until('the other one passes sound on', async () => relayed(other) > 200)
    expect(await trio.calls()).toMatchObject([{ id: call?.id, state: 'up' }])
    callee.hangup()
    await caller.event('CALL_CLOSED')
    // It is known, and needs no token any more.
    carrier.start()
    await trio.until('it is back', async () =>
      (await trio.servers()).every(({ state }) => state === 'online'),
    )
    expect(carrier.output).not.toContain('--token is needed')
  },
)

test.skipIf(!can)(
  'on its own host a server tells how it is, and that it was removed',
  { timeout: TIMEOUT_MS },
  async () => {
    const [, server] = servers
    if (server === undefined) throw new Error('there are two')
    const { address } = server.host
    const leader = await trio.leader()
    expect(server.pbx('status')).toMatch(/^health +ok\nserver +media-2, [^]*led by +node-\d\n/)
    expect(server.pbx('status').match(/10\.9\.0\.[123]:7480 +yes/g)).toHaveLength(3)
    leader.pbx('server', 'remove', 'media-2')
    await trio.until('it knows', () => server.output.includes('"peer.dismissed"'))
    expect(server.output).toContain('register it again: pbx server add media-2')
    const dials = (): number => server.output.split('"peer.connected"').length
    await trio.until('all let go of it', () => statusOf(server).includes('is not registered'))
    const before = dials()
    await sleep(5_000)
    expect(dials()).toBe(before)
    const added = leader.pbx('server', 'add', 'media-2', '--role', 'media', '--address', address)
    const token = /--token ([\w.-]+)/.exec(added)?.[1] ?? ''
    server.signal('SIGTERM')
    await server.stopped()
    expect(statusOf(server)).toContain('no pbx runs with the data directory')
    server.start('--token', token)
    await trio.until('it is back', async () =>
      (await trio.servers()).every(({ state }) => state === 'online'),
    )
  },
)

/** What `pbx status` says there, well or not. */
function statusOf(server: Node): string {
  try {
    return server.pbx('status')
  } catch (failed) {
    const { stdout, stderr } = failed as { readonly stdout: string; readonly stderr: string }
    return `${stdout}${stderr}`
  }
}

test.skipIf(!can)(
  'a node that came after a server has that server when it leads',
  { timeout: TIMEOUT_MS },
  async () => {
    const node = await trio.addNode('n4', 14)
    const leader = await trio.leader()
    const { id = '' } =
      (await trio.serving())?.cluster?.members.find(({ name }) => name === node.host.name) ?? {}
    leader.pbx('transfer-leadership', '--to', id)
    await trio.until('it serves', async () => (await trio.leader()) === node)
    await trio.until('it has a server', async () => {
      return (await trio.servers()).some(({ state }) => state === 'online')
    })
  },
)

async function talk(): Promise<readonly [Baresip, Baresip]> {
  const [caller, callee] = phones
  if (caller === undefined || callee === undefined) throw new Error('there are two')
  caller.dial('702')
  await callee.event('CALL_INCOMING')
  callee.accept()
  await caller.event('CALL_ESTABLISHED')
  return [caller, callee]
}

/** The server that has the call. */
async function carrying(): Promise<Node> {
  let found: Node | undefined
  await trio.until('a server passes sound on', async () => {
    const before = servers.map(relayed)
    await sleep(300)
    found = servers.find((server, place) => relayed(server) > (before[place] ?? 0) + 10)
    return found !== undefined
  })
  if (found === undefined) throw new Error('told above')
  return found
}

async function sessions(): Promise<number> {
  return (await trio.servers()).reduce((sum, each) => sum + (each.sessions ?? 0), 0)
}

/** Packets that it has passed on; 0 of one that does not run. */
function relayed(server: Node | undefined): number {
  if (server?.isRunning !== true) return 0
  const { host } = server
  const metrics = host.run('curl', '-s', '-m', '2', `http://${host.address}:8888/metrics`)
  return Number(/^pbx_media_packets\{.*kind="relayed".*\} (\d+)/m.exec(metrics)?.[1] ?? 0)
}

/** Of how many datagrams its host has sent, the longest time in which there were no more. */
function watchSound({ host }: Node): { readonly stop: () => Promise<number> } {
  const child = host.spawn(process.execPath, '-e', WATCH)
  let said = ''
  child.stdout?.on('data', (piece: Buffer) => (said += piece.toString()))
  return {
    async stop() {
      const closed = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGTERM')
      await closed
      const times = said.trim().split('\n').map(Number)
      expect(times.length).toBeGreaterThan(50)
      return Math.max(...times.slice(1).map((at, place) => at - (times[place] ?? at)))
    },
  }
}

const WATCH = `
  const { readFileSync } = require('node:fs')
  let before
  setInterval(() => {
    const sent = /^Udp: \\d+ \\d+ \\d+ (\\d+)/m.exec(readFileSync('/proc/net/snmp', 'utf8'))[1]
    if (sent !== before) console.log(Math.round(performance.now()))
    before = sent
  }, 20)
`
