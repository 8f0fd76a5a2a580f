//! Nodes that are drained before maintenance: nothing fails, and they are left alone.

import { expect, test } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Trio, Node } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 90_000
let trio: Trio

threeNodes(TIMEOUT_MS, (started) => void (trio = started))

const TO_OTHERS = 'ip daddr != 10.9.0.1-10.9.0.3 meta l4proto { tcp, udp } counter'
/** Counts what leaves a node from its own address to anybody but a node. */
const COUNT_OWN = (address: string): string => `add table inet own
  add chain inet own out { type filter hook output priority 0; }
  add rule inet own out ip saddr ${address} ${TO_OTHERS}`

function sentAsItself({ host }: Node): number {
  return Number(/packets (\d+)/.exec(host.run('nft', 'list', 'table', 'inet', 'own'))?.[1] ?? -1)
}

const idOf = (node: Node): string => `node-${trio.nodes.indexOf(node) + 1}`
const standing = async (node: Node): Promise<string | undefined> =>
  (await trio.serving())?.cluster?.members.find(({ id }) => id === idOf(node))?.unfit

/** What it says; it fails when it is refused. */
function refusal(node: Node, ...args: readonly string[]): string {
  try {
    return `done: ${node.pbx(...args)}`
  } catch (failure) {
    return String((failure as { stderr?: unknown }).stderr)
  }
}

/** Milliseconds from the caller's INVITE to its 100; there may be none. */
async function tryingAfter(call: string): Promise<number> {
  const messages = await trio.trace(call)
  const at = (direction: 'in' | 'out', text: string): number | undefined => {
    const found = messages.findLast(
      (each) => each.direction === direction && each.text.startsWith(text),
    )
    return found && Date.parse(found.at)
  }
  return (at('out', 'SIP/2.0 100') ?? Number.POSITIVE_INFINITY) - (at('in', 'INVITE') ?? Number.NaN)
}

test.skipIf(!can)(
  'a node that is drained hands over its calls, and is not elected again',
  { timeout: TIMEOUT_MS },
  async () => {
    const [caller, callee] = [
      await trio.phone('901', 21, 'udp'),
      await trio.phone('902', 22, 'tcp'),
    ]
    for (const { host } of trio.nodes) host.run('nft', COUNT_OWN(host.address))
    caller.dial('902')
    await callee.event('CALL_INCOMING')
    callee.accept()
    await caller.event('CALL_ESTABLISHED')
    const [call] = await trio.calls()
    // Sooner a successor might not know of it, and who has a 100 says its INVITE no more.
    expect(await tryingAfter(call?.id ?? '')).toBeGreaterThan(150)
    const first = await trio.leader()
    expect(first.pbx('drain')).toMatch(/\nnode-\d serves\n$/)
    const second = await trio.leader()
    expect(second).not.toBe(first)
    expect((await trio.calls()).map(({ id }) => id)).toEqual([call?.id])
    expect(await standing(first)).toBe('drained')
    // It votes, and leaves it to the third.
    second.signal('SIGKILL')
    await second.stopped()
    const third = await trio.leader()
    expect([first, second]).not.toContain(third)
    await trio.until('the call is up there', async () => (await trio.calls()).length === 1)
    await trio.until('they hear each other', async () => (await trio.relayed()) > 200)
    caller.hangup()
    await callee.event('CALL_CLOSED')
    // Phones know the virtual address, and hear nobody else: signalling, sound, whoever began.
    expect(trio.nodes.map(sentAsItself)).toEqual([0, 0, 0])
    second.start()
    await trio.whole()
    // As before when it has been started anew.
    first.signal('SIGTERM')
    await first.stopped()
    first.start()
    await trio.whole()
    expect(await standing(first)).toBe('drained')
    expect(first.pbx('undrain')).toBe('this host takes calls again\n')
    await trio.until('nobody is drained', async () => (await standing(first)) === undefined)
    for (const phone of [caller, callee]) {
      await phone.stop()
      phone.remove()
    }
  },
)

test.skipIf(!can)('the last one is drained by force only', { timeout: TIMEOUT_MS }, async () => {
  const leader = await trio.leader()
  const others = trio.nodes.filter((node) => node !== leader)
  for (const node of others) expect(node.pbx('drain')).toContain('serves')
  const why = refusal(leader, 'drain')
  for (const node of others) expect(why).toContain(`${idOf(node)} (drained)`)
  expect(await standing(leader)).toBeUndefined()
  expect(leader.pbx('drain', '--force')).toContain('no calls are left')
  expect(await trio.leader()).toBe(leader)
  // The first that may takes over by itself.
  const [next] = others
  if (next === undefined) throw new Error('there are two')
  next.pbx('undrain')
  await trio.until('it serves', async () => (await trio.leader()) === next)
  for (const node of trio.nodes) if (node !== next) node.pbx('undrain')
  await sleep(500)
  await trio.whole()
})

test.skipIf(!can)(
  'two that are drained serve at once when the one that led is cut off',
  { timeout: TIMEOUT_MS },
  async () => {
    const leader = await trio.leader()
    const others = trio.nodes.filter((node) => node !== leader)
    for (const node of others) node.pbx('drain')
    const logged = others.map(({ output }) => output.length)
    leader.host.cut()
    await trio.until('another serves', async () => (await trio.leader()) !== leader)
    const said = others.map(({ output }, place) => output.slice(logged[place]))
    leader.host.mend()
    // They find out three seconds later that its connection is dead.
    expect(said.join('\n')).not.toContain('"peer.disconnected"')
    for (const node of others) node.pbx('undrain')
    await trio.whole()
  },
)
