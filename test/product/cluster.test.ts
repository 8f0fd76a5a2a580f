//! Three real nodes on a LAN, and what happens to them. After each fault: one owner of the address
//! at a time, whatever was acknowledged is there, and the node that was gone is back by itself.

import { afterAll, expect, test } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Trio, Node } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const PROBE_MS = 20
const FAULT_TIMEOUT_MS = 90_000

let trio: Trio
const acknowledged: string[] = []
let writing = true
let written = 0
let writer: Promise<void>

threeNodes(FAULT_TIMEOUT_MS, async (started) => {
  trio = started
  trio.probe(PROBE_MS)
  writer = write()
})

afterAll(async () => {
  if (!can) return
  writing = false
  await writer
})

/** One after the other, all the time. */
async function write(): Promise<void> {
  while (writing) {
    const user = `w${++written}`
    if (await trio.write(user)) acknowledged.push(user)
    else await sleep(50)
  }
}

const MUTE = [
  'add table inet mute',
  'add chain inet mute out { type filter hook output priority -400; }',
  'add rule inet mute out oifname "eth0" drop',
].join('; ')

type Fault = {
  readonly name: string
  readonly strike: (leader: Node) => void | Promise<void>
  /** Undoes it. */
  readonly mend?: (leader: Node) => void | Promise<void>
  readonly lasts: number
  /** Somebody else serves afterwards. */
  readonly moves: boolean
}

const FAULTS: readonly Fault[] = [
  {
    name: 'its process is killed',
    strike: (leader) => leader.signal('SIGKILL'),
    mend: async (leader) => {
      await leader.stopped()
      leader.start()
    },
    lasts: 3_000,
    moves: true,
  },
  {
    name: 'its process is stopped, and goes on',
    strike: (leader) => leader.signal('SIGSTOP'),
    mend: (leader) => leader.signal('SIGCONT'),
    lasts: 4_000,
    moves: true,
  },
  {
    name: 'its cable is pulled',
    strike: (leader) => leader.host.cut(),
    mend: (leader) => leader.host.mend(),
    lasts: 5_000,
    moves: true,
  },
  {
    name: 'it cannot be heard',
    // What the kernel itself sends is stopped too.
    strike: (leader) => void leader.host.run('nft', MUTE),
    mend: (leader) => void leader.host.run('nft', 'delete table inet mute'),
    lasts: 5_000,
    moves: true,
  },
  {
    name: 'its address is taken away by hand',
    strike: (leader) => void leader.host.run('ip', 'addr', 'del', '10.9.0.100/32', 'dev', 'eth0'),
    lasts: 3_000,
    moves: false,
  },
  {
    name: 'it is told to stop',
    strike: async (leader) => {
      leader.signal('SIGTERM')
      await leader.stopped()
    },
    mend: (leader) => leader.start(),
    lasts: 2_000,
    moves: true,
  },
  {
    name: 'leadership is transferred',
    strike: (leader) => void leader.pbx('transfer-leadership'),
    lasts: 2_000,
    moves: true,
  },
]

test.skipIf(!can).each(FAULTS)('$name', { timeout: FAULT_TIMEOUT_MS }, async (fault) => {
  const leader = await trio.leader()
  const before = acknowledged.length
  await trio.until('writes go through', async () => {
    await sleep(20)
    return acknowledged.length > before + 3
  })
  const [termBefore, from] = [await term(), Date.now()]
  await fault.strike(leader)
  await sleep(fault.lasts)
  const during = await trio.leader()
  if (fault.moves) expect(during.host.name).not.toBe(leader.host.name)
  else expect(during.host.name).toBe(leader.host.name)
  await fault.mend?.(leader)
  await trio.whole()
  await trio.until('writes go through again', async () => {
    const so = acknowledged.length
    await sleep(200)
    return acknowledged.length > so
  })
  const moves = changes(trio.answers().filter(({ asked }) => asked >= from))
  // Each change of who answers has a term of its own: nobody answered in between.
  expect(moves.length - 1, moves.join(' ')).toBeLessThanOrEqual((await term()) - termBefore)
  const held = [...acknowledged]
  const users = await trio.users()
  expect(held.filter((user) => !users.has(user))).toEqual([])
  // Nor does the next owner take the one before it for a stranger with the same address.
  expect(trio.nodes.filter(({ output }) => output.includes('vip.conflict'))).toEqual([])
  report(fault.name, from)
})

test.skipIf(!can).each(['udp', 'tcp'] as const)(
  'a call over %s goes on when the node that carries it is killed',
  { timeout: FAULT_TIMEOUT_MS },
  async (transport) => {
    const numbers = transport === 'udp' ? ([801, 802] as const) : ([803, 804] as const)
    const [caller, callee] = [
      await trio.phone(String(numbers[0]), numbers[0] - 780, transport),
      await trio.phone(String(numbers[1]), numbers[1] - 780, transport),
    ]
    caller.dial(String(numbers[1]))
    await callee.event('CALL_INCOMING')
    callee.accept()
    await caller.event('CALL_ESTABLISHED')
    const [call] = await trio.calls()
    const leader = await trio.leader()
    leader.signal('SIGKILL')
    await leader.stopped()
    await trio.until('another serves, and the call is up there', async () => {
      return (await trio.calls()).some(({ id, state }) => id === call?.id && state === 'up')
    })
    // Fifty packets a second and phone: both hear each other through the other node.
    await trio.until('they hear each other', async () => (await trio.relayed()) > 200)
    caller.hangup()
    await callee.event('CALL_CLOSED')
    leader.start()
    await trio.whole()
    const records = (await trio.cdrs()).filter((each) => each.call === call?.id)
    expect(records).toMatchObject([{ status: 200, endedBy: 'caller' }])
    await Promise.all([caller.stop(), callee.stop()])
    caller.remove()
    callee.remove()
  },
)

/** Who answered, in order, without repetitions. */
function changes(answers: readonly { readonly node: string }[]): readonly string[] {
  return answers.map(({ node }) => node).filter((node, place, all) => node !== all[place - 1])
}

async function term(): Promise<number> {
  let found = 0
  await trio.until('a term is known', async () => {
    found = (await trio.serving())?.cluster?.term ?? 0
    return found > 0
  })
  return found
}

/** For whoever reads the log: no time is asserted. */
function report(name: string, from: number): void {
  const times = trio
    .answers()
    .map(({ answered }) => answered)
    .filter((at) => at > from - 500)
  const gaps = times.slice(1).map((at, place) => at - (times[place] ?? at))
  console.log(`${name}: no answer for ${Math.round(Math.max(...gaps))} ms at most`)
}
