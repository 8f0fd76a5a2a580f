//! Three nodes behind a router that translates one public address to the virtual one (1:1 NAT), and
//! nothing else: who is outside must be told the public address, who is inside the virtual one.

import { afterAll, expect, test } from 'vitest'
import type { Trace } from '../../src/console/api/shapes.ts'
import type { Baresip } from '../harness/baresip.ts'
import type { LanHost } from '../harness/lan.ts'
import { hears } from '../cluster/live/talk.ts'
import type { Trio } from '../cluster/live/trio.ts'
import type { WebPhone } from '../cluster/live/web-phone.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 150_000
/** A phone whose connection was lost comes back within. */
const BACK_MS = 95_000
const RING_MS = 5_000
const PUBLIC = '203.0.113.7'
const OUTSIDE = '203.0.113'
const VIRTUAL = '10.9.0.100'
const ROUTER = '10.9.0.254'
const TONE = 1_017
/** Nothing from another address of ours gets out: it would be seen by nobody. */
const NAT = [
  'add table ip router',
  'add chain ip router in { type nat hook prerouting priority -100; }',
  `add rule ip router in ip daddr ${PUBLIC} dnat to ${VIRTUAL}`,
  'add chain ip router out { type nat hook postrouting priority 100; }',
  `add rule ip router out ip saddr ${VIRTUAL} ip daddr ${OUTSIDE}.0/24 snat to ${PUBLIC}`,
  'add chain ip router through { type filter hook forward priority 0; }',
  `add rule ip router through ip daddr ${OUTSIDE}.0/24 ip saddr != ${VIRTUAL} counter drop`,
].join('; ')

let trio: Trio
let router: LanHost
const phones = new Map<string, Baresip>()
let browser: WebPhone | undefined

threeNodes(
  TIMEOUT_MS,
  async (started) => {
    trio = started
    router = trio.lan.host('router', 254)
    for (const own of [`${OUTSIDE}.1`, PUBLIC])
      router.run('ip', 'addr', 'add', `${own}/24`, 'dev', 'eth0')
    router.run('sysctl', '-q', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.eth0.send_redirects=0')
    router.run('nft', NAT)
    for (const { host } of trio.nodes) host.run('ip', 'route', 'add', 'default', 'via', ROUTER)
    phones.set('inside', await trio.phone('911', 51, 'udp'))
    for (const [place, transport] of (['udp', 'tcp', 'tls'] as const).entries()) {
      const at = outside(60 + place)
      const known = { user: `92${place}`, at, transport, server: PUBLIC }
      phones.set(transport, await trio.phoneAt(known))
    }
    const known = { user: '923', at: outside(63), transport: 'wss', server: PUBLIC } as const
    browser = await trio.webPhoneAt(known)
  },
  `${VIRTUAL}/24`,
  ['--public-address', PUBLIC],
)

afterAll(async () => {
  await Promise.all([...phones.values()].map((phone) => phone.stop()))
  await browser?.stop()
  for (const phone of phones.values()) phone.remove()
})

function outside(last: number): LanHost {
  return trio.lan.host(`outside${last}`, last, OUTSIDE)
}

test.skipIf(!can)(
  'S1-13 S1-15 a call from outside: each side is told the address that it can reach',
  { timeout: TIMEOUT_MS },
  async () => {
    of('udp').dial('911')
    await of('inside').event('CALL_INCOMING')
    of('inside').accept()
    await of('udp').event('CALL_ESTABLISHED')
    await talk('udp', 'inside')
    await faces()
    // It goes on when another node serves, by the same public address.
    const leader = await trio.leader()
    leader.signal('SIGKILL')
    await leader.stopped()
    await trio.until('another serves, with the call', async () => (await trio.calls()).length === 1)
    await talk('udp', 'inside')
    await faces()
    of('udp').hangup()
    await of('inside').event('CALL_CLOSED')
    leader.start()
    await trio.whole()
  },
)

test.skipIf(!can).each([
  ['udp', '920'],
  ['tcp', '921'],
  ['tls', '922'],
])(
  'S1-14 S1-17 a phone outside is called over %s, by the node that took over',
  { timeout: TIMEOUT_MS },
  async (transport, user) => {
    await ring(user, () => of(transport).event('CALL_INCOMING', RING_MS))
    of(transport).accept()
    await of('inside').event('CALL_ESTABLISHED')
    await talk('inside', transport)
    await faces()
    of('inside').hangup()
    await of(transport).event('CALL_CLOSED')
  },
)

test.skipIf(!can)(
  'S1-14 S1-17 so is a browser outside, over WSS',
  { timeout: TIMEOUT_MS },
  async () => {
    const rings = (): boolean => browser?.call?.state === 'incoming'
    await ring('923', () => trio.until('it rings', rings, RING_MS))
    browser?.tell('answer')
    await of('inside').event('CALL_ESTABLISHED')
    await faces()
    of('inside').hangup()
    await trio.until('it has ended', () => browser?.call?.state === 'ended')
  },
)

/** From inside, until it is back where its connection was lost. */
async function ring(user: string, rung: () => Promise<unknown>): Promise<void> {
  for (const deadline = performance.now() + BACK_MS; ;) {
    of('inside').dial(user)
    try {
      await rung()
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      of('inside').hangup()
    }
  }
}

function of(name: string): Baresip {
  const found = phones.get(name)
  if (found === undefined) throw new Error(`there is no phone ${name}`)
  return found
}

async function talk(...names: readonly string[]): Promise<void> {
  const heard = names.map((name) => hears(of(name), TONE))
  await trio.until('they hear each other', () => heard.every((isHeard) => isHeard()), BACK_MS)
}

/** Every message of the call that is up: whoever it went to can reach all that it names. */
async function faces(): Promise<void> {
  const [call] = await trio.calls()
  const sent = (await trio.trace(call?.id ?? '')).filter(({ direction }) => direction === 'out')
  const isOutside = ({ peer }: { peer: string }): boolean => peer.includes(` ${OUTSIDE}.`)
  const to = { outside: sent.filter(isOutside), inside: sent.filter((each) => !isOutside(each)) }
  for (const { text } of to.outside) expect(text).not.toContain('10.9.0.')
  for (const { text } of to.inside) expect(text).not.toContain(PUBLIC)
  for (const { text } of sent) expect(text).not.toMatch(/10\.9\.0\.[123]\b/)
  expect(named(to.outside)).toEqual([PUBLIC, PUBLIC])
  expect(named(to.inside)).toEqual([VIRTUAL, VIRTUAL])
  // The router has seen nothing that would have left from another address.
  expect(router.run('nft', 'list chain ip router through')).toContain('counter packets 0 ')
}

/** By Contact and session description, in the last message that has both. */
function named(messages: Trace['messages']): readonly (string | undefined)[] {
  const { text } = messages.findLast(({ text }) => /^c=/m.test(text)) ?? { text: '' }
  return [/^Contact:[^\n]*?(\d+(?:\.\d+){3})/im.exec(text)?.[1], /^c=IN IP4 (\S+)/m.exec(text)?.[1]]
}
