//! A cluster of five, made of three while it serves, and of four when one is removed.

import { afterAll, expect, test } from 'vitest'
import type { Baresip } from '../harness/baresip.ts'
import type { Node, Trio } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 150_000
/** Of two tenants, who use the same numbers. */
const DOMAINS = ['pbx.example', 'two.example'] as const
const SERVES = /^cluster +this is node-\d, serving;.*\naddress +\S+, here$/m

let trio: Trio
const phones = new Map<string, Baresip>()

threeNodes(TIMEOUT_MS, async (started) => {
  trio = started
  await trio.addNode('n4', 4)
  await trio.addNode('n5', 5)
  for (const [place, domain] of DOMAINS.entries())
    for (const user of ['901', '902']) {
      const at = trio.lan.host(`phone${place}${user}`, 50 + 10 * place + Number(user) - 900)
      const phone = await trio.phoneAt({ user, at, transport: 'udp', domain })
      phones.set(`${user}@${domain}`, phone)
    }
})

afterAll(async () => {
  await Promise.all([...phones.values()].map((phone) => phone.stop()))
  for (const phone of phones.values()) phone.remove()
})

test.skipIf(!can)('a fourth and a fifth node join', { timeout: TIMEOUT_MS }, async () => {
  // Each of them is connected to all others, and the one that serves has the address.
  for (const node of trio.nodes) expect(members(node), node.host.name).toHaveLength(5)
  const holders = trio.nodes.filter((node) => SERVES.test(node.pbx('status')))
  expect(holders).toEqual([await trio.leader()])
  expect(await trio.write('of-five')).toBe(true)
})

test.skipIf(!can)(
  'with two of five dead the others serve, and a call goes on',
  { timeout: TIMEOUT_MS },
  async () => {
    const [caller, callee] = await talk(DOMAINS[0])
    const leader = await trio.leader()
    const [other] = trio.nodes.filter((node) => node !== leader)
    const dead = [leader, other ?? leader]
    await Promise.all(dead.map((node) => killed(node)))
    await trio.until('another serves', async () => !dead.includes(await trio.leader()))
    expect(await trio.write('of-three')).toBe(true)
    await trio.until('sound goes through it', async () => (await trio.relayed()) > 200)
    callee.hangup()
    await caller.event('CALL_CLOSED')
    for (const node of dead) node.start()
    await trio.whole()
  },
)

test.skipIf(!can)(
  'one that is removed is told so; the active one is killed, four go on, S1-36 for two tenants',
  { timeout: TIMEOUT_MS },
  async () => {
    // Of two nodes the first dials: the last one dials nobody, unless it misses them all.
    const [first] = trio.nodes
    const gone = trio.nodes.at(-1)
    if (first === undefined || gone === undefined) throw new Error('there are five')
    const before = await trio.leader()
    if (before !== first) before.pbx('transfer-leadership', '--to', 'node-1')
    await trio.until('the first one leads', async () => (await trio.leader()) === first)
    const leader = first
    expect(() => leader.pbx('cluster', 'remove', 'node-9')).toThrow('there is no node node-9')
    // It may have been elected before, when others were lost.
    const served = timesServed(gone)
    expect(await trio.removeNode(gone)).toContain('removed node-5')
    expect(members(leader)).toHaveLength(4)
    await trio.until('it is told', () => gone.output.includes('"peer.dismissed"'))
    expect(gone.output).toMatch(/node-5 was removed from the cluster.*stop it and wipe/)
    await killed(leader)
    await trio.until('another serves', async () => (await trio.leader()) !== leader)
    expect(timesServed(gone)).toBe(served)
    for (const domain of DOMAINS) await talk(domain)
    const calls = (await trio.calls()).map(({ caller, callee }) => `${caller} ${callee}`)
    const own = DOMAINS.map((domain) => `sip:901@${domain} sip:902@${domain}`)
    expect(calls.toSorted()).toEqual(own)
    for (const domain of DOMAINS) {
      of('902', domain).hangup()
      await of('901', domain).event('CALL_CLOSED')
    }
    const users = await trio.users()
    expect([users.has('of-five'), users.has('of-three')]).toEqual([true, true])
    gone.signal('SIGTERM')
    await gone.stopped()
    expect(gone.process?.exitCode).toBe(0)
  },
)

function timesServed({ output }: Node): number {
  return output.match(/"node.serving"/g)?.length ?? 0
}

/** That are whole, as `pbx status` shows them there. */
function members(node: Node): readonly string[] {
  return node.pbx('status').match(/^node-\d +n\d +\S+ +yes .* (leader|voter)$/gm) ?? []
}

async function talk(domain: string): Promise<readonly [Baresip, Baresip]> {
  const [caller, callee] = [of('901', domain), of('902', domain)]
  caller.dial('902')
  await callee.event('CALL_INCOMING')
  callee.accept()
  await caller.event('CALL_ESTABLISHED')
  return [caller, callee]
}

function of(user: string, domain: string): Baresip {
  const found = phones.get(`${user}@${domain}`)
  if (found === undefined) throw new Error(`there is no phone ${user} of ${domain}`)
  return found
}

async function killed(node: Node): Promise<void> {
  node.signal('SIGKILL')
  await node.stopped()
}
