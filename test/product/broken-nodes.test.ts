//! Nodes of three that are not well: one whose state is of no use comes back as another, one that
//! is elected and does not get to serving lets others, so does one with a slow disk, and one that
//! hangs is left alone.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { WriteConnection } from '../../src/store/database.ts'
import { setDiverged } from '../../src/store/schema/replica.ts'
import type { Status } from '../../src/console/api/shapes.ts'
import { BadHost, buildBadHost } from '../cluster/live/bad-host.ts'
import type { Node, Trio } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000

let trio: Trio
threeNodes(TIMEOUT_MS, (started) => void (trio = started))

test.skipIf(!can)(
  'a node that is elected and does not get to serving gives the address to another',
  { timeout: TIMEOUT_MS },
  async () => {
    const leader = await trio.leader()
    const [stuck, other] = trio.nodes.filter((node) => node !== leader)
    if (stuck === undefined || other === undefined) throw new Error('there are three')
    const deaf = join(trio.directory, 'deaf')
    const hang = join(import.meta.dirname, 'deaf-listen.mjs')
    stuck.environment = [`NODE_OPTIONS=--import=${hang}`, `PBX_DEAF=${deaf}`]
    stuck.signal('SIGTERM')
    await stuck.stopped()
    stuck.start()
    await trio.whole()
    writeFileSync(deaf, '')
    const id = `node-${trio.nodes.indexOf(stuck) + 1}`
    leader.pbx('transfer-leadership', '--to', id)
    await trio.until('it resigns', () => stuck.output.includes('leader.resigned'), 60_000)
    await trio.until('another serves', async () => {
      const node = (await trio.serving())?.cluster?.node
      return node !== undefined && node !== id
    })
    expect(stuck.output).toMatch(/has not begun to serve 1\d s after.*leader\.resigned/)
    const members = (await trio.serving())?.cluster?.members
    const unfit = members?.find((member) => member.id === id)?.unfit
    expect(unfit).toMatch(/has not begun to serve.*: restart it/)
    rmSync(deaf)
    stuck.signal('SIGKILL')
    await stuck.stopped()
    stuck.start()
    await trio.whole()
    const mended = (await trio.serving())?.cluster?.members ?? []
    expect(mended.map((member) => member.unfit)).toEqual([undefined, undefined, undefined])
  },
)

const HANGS = 'its main thread does not answer'

test.skipIf(!can)(
  'a standby whose main thread hangs is unfit to all, and handed nothing, until it answers',
  { timeout: TIMEOUT_MS },
  async () => {
    const leader = await trio.leader()
    const [stuck, other] = trio.nodes.filter((node) => node !== leader)
    if (stuck === undefined || other === undefined) throw new Error('there are three')
    const id = `node-${trio.nodes.indexOf(stuck) + 1}`
    const otherId = `node-${trio.nodes.indexOf(other) + 1}`
    const hanging = await hangable(stuck)
    const unfitOn = (node: Node): string | undefined => {
      const { cluster } = JSON.parse(node.pbx('status', '--json')) as Status
      return cluster?.members.find((member) => member.id === id)?.unfit
    }
    const saidBefore = stuck.output.length
    writeFileSync(hanging, '')
    for (const node of [leader, other])
      await trio.until('it is known to hang', () => unfitOn(node) === HANGS)
    expect(() => leader.pbx('transfer-leadership', '--to', id)).toThrow(HANGS)
    leader.signal('SIGKILL')
    await leader.stopped()
    await trio.until('the other serves', async () => {
      return (await trio.serving())?.cluster?.node === otherId
    })
    rmSync(hanging)
    await trio.until('it answers', () => unfitOn(other) === undefined)
    // What it could not say meanwhile.
    const followed = (whom: string) => stuck.output.slice(saidBefore).includes(`"leader":"${whom}"`)
    await trio.until('it follows the other', () => followed(otherId))
    expect(followed(id)).toBe(false)
    leader.start()
    await trio.whole()
    expect(unfitOn(leader)).toBeUndefined()
  },
)

test.skipIf(!can)(
  'S1-18 one that serves, and whose main thread hangs, leaves its calls to another for good',
  { timeout: TIMEOUT_MS },
  async () => {
    const [caller, callee] = [
      await trio.phone('911', 51, 'udp'),
      await trio.phone('912', 52, 'udp'),
    ]
    const before = await trio.leader()
    const [stuck] = trio.nodes.filter((node) => node !== before)
    if (stuck === undefined) throw new Error('there are three')
    const hanging = await hangable(stuck)
    before.pbx('transfer-leadership', '--to', `node-${trio.nodes.indexOf(stuck) + 1}`)
    await trio.until('it serves', async () => (await trio.leader()) === stuck)
    caller.dial('912')
    await callee.event('CALL_INCOMING')
    callee.accept()
    await caller.event('CALL_ESTABLISHED')
    const [call] = await trio.calls()
    const saidBefore = stuck.output.length
    writeFileSync(hanging, '')
    await trio.until('another serves', async () => (await trio.leader()) !== stuck)
    expect(await trio.write('after-the-hang')).toBe(true)
    const isUp = async (): Promise<boolean> =>
      (await trio.calls()).some(({ id, state }) => id === call?.id && state === 'up')
    await trio.until('the call is up there', isUp)
    rmSync(hanging)
    const standsBy = (): boolean => stuck.output.slice(saidBefore).includes('"node.on-standby"')
    await trio.until('it is on standby', standsBy)
    await trio.whole()
    await trio.until('they hear each other', async () => (await trio.relayed()) > 200)
    expect(await isUp()).toBe(true)
    caller.hangup()
    await callee.event('CALL_CLOSED')
    for (const phone of [caller, callee]) {
      await phone.stop()
      phone.remove()
    }
    const records = (await trio.cdrs()).filter((each) => each.call === call?.id)
    expect(records).toMatchObject([{ status: 200, endedBy: 'caller' }])
  },
)

/** Started anew: its main thread hangs while the file that is returned is there. */
async function hangable(node: Node): Promise<string> {
  const hanging = join(trio.directory, 'hanging')
  const hang = join(import.meta.dirname, 'hang-main.mjs')
  node.environment = [`NODE_OPTIONS=--import=${hang}`, `PBX_HANG=${hanging}`]
  node.signal('SIGTERM')
  await node.stopped()
  node.start()
  await trio.whole()
  return hanging
}

const faults = mkdtempSync(join(tmpdir(), 'pbx-broken-nodes-'))
const library = buildBadHost(faults)
afterAll(() => rmSync(faults, { recursive: true }))
const SLOW = /its disk took \d+ ms to commit/

test.skipIf(!can || library === undefined)(
  'one that serves, and whose disk becomes slow, leaves it to another, and is handed nothing',
  { timeout: TIMEOUT_MS },
  async () => {
    const before = await trio.leader()
    const [slow] = trio.nodes.filter((node) => node !== before)
    if (slow === undefined) throw new Error('there are three')
    const id = `node-${trio.nodes.indexOf(slow) + 1}`
    const host = new BadHost(library ?? '', join(faults, 'host'), slow.data)
    slow.environment = host.environment
    slow.signal('SIGTERM')
    await slow.stopped()
    slow.start()
    await trio.whole()
    before.pbx('transfer-leadership', '--to', id)
    await trio.until('it serves', async () => (await trio.leader()) === slow)
    host.slowDisk(600)
    // What is not answered is asked again, and the disk has something to do.
    let asked = 0
    const isElsewhere = async (): Promise<boolean> => {
      await trio.write(`slow-${++asked}`).catch(() => false)
      return (await trio.leader().catch(() => slow)) !== slow
    }
    await trio.until('another serves', isElsewhere)
    const { cluster } = (await trio.serving()) ?? {}
    expect(cluster?.members.find((member) => member.id === id)?.unfit).toMatch(SLOW)
    const leader = await trio.leader()
    expect(() => leader.pbx('transfer-leadership', '--to', id)).toThrow(SLOW)
    expect(await trio.write('after-the-slow-disk')).toBe(true)
    host.slowDisk(0)
    await trio.whole()
  },
)

test.skipIf(!can)(
  'a node that has diverged rejoins in one step, as another in its place',
  { timeout: TIMEOUT_MS },
  async () => {
    expect(await trio.write('before')).toBe(true)
    const leader = await trio.leader()
    const node = trio.nodes.find((each) => each !== leader)
    if (node === undefined) throw new Error('there are three')
    const id = `node-${trio.nodes.indexOf(node) + 1}`
    expect(() => node.pbx('cluster', 'rejoin')).toThrow('another pbx runs')
    node.signal('SIGTERM')
    await node.stopped()
    const db = WriteConnection.open(join(node.data, 'pbx.db'), { addon: undefined })
    setDiverged(db, 'as found by comparison')
    db.close()
    node.start()
    await node.stopped()
    expect(node.output).toContain('as found by comparison')
    expect(await trio.write('meanwhile')).toBe(true)
    const said = node.pbx('cluster', 'rejoin')
    expect(said).toContain(`this host is node-4 (${node.host.name}) now, in the place of ${id}`)
    node.start()
    await trio.whole()
    const members = (await trio.serving())?.cluster?.members ?? []
    expect(members.map((member) => member.id)).not.toContain(id)
    expect(members.find((member) => member.id === 'node-4')).toMatchObject({
      name: node.host.name,
      kind: 'voter',
    })
    // It may serve, with all that was written.
    leader.pbx('transfer-leadership', '--to', 'node-4')
    await trio.until('it serves', async () => (await trio.serving())?.cluster?.node === 'node-4')
    const users = await trio.users()
    expect([users.has('before'), users.has('meanwhile')]).toEqual([true, true])
  },
)
