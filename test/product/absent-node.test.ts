//! A node that was down while an administrator changed the cluster does not know who is in it now.
//! It comes back all the same, and is one of the majority when others are lost.

import { expect, test } from 'vitest'
import type { Node, Trio } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 150_000

let trio: Trio
threeNodes(TIMEOUT_MS, (started) => void (trio = started))

test.skipIf(!can)(
  'it comes back under a leader that it does not know, who dials it',
  { timeout: TIMEOUT_MS },
  async () => {
    const [n1, n2, n3] = three(trio.nodes)
    await killed(n1)
    const n4 = await trio.addNode('n4', 4, n1)
    await lead(n4, 'node-4')
    await trio.removeNode(n3, n1)
    expect(await trio.write('without-n1')).toBe(true)
    n1.start()
    await trio.whole()
    expect(await trio.leader()).toBe(n4)
    await killed(n2)
    expect(await trio.write('of-n1-and-n4')).toBe(true)
  },
)

test.skipIf(!can)(
  'who has lost its majority finds it, though neither is known there nor leads',
  { timeout: TIMEOUT_MS },
  async () => {
    // Of n1, n2 and n4 the second is down, since the test before.
    const [n1, n2, n4] = three(trio.nodes)
    const n5 = await trio.addNode('n5', 5, n2)
    await lead(n5, 'node-5')
    await trio.removeNode(n1, n2)
    expect(await trio.write('without-n2')).toBe(true)
    await killed(n4)
    await trio.until('nobody serves', async () => (await trio.serving()) === undefined)
    n2.start()
    await trio.until('two of three serve', async () => (await trio.serving()) !== undefined)
    expect(await trio.write('of-n2-and-n5')).toBe(true)
    n4.start()
    await trio.whole()
    const users = await trio.users()
    const written = ['without-n1', 'of-n1-and-n4', 'without-n2', 'of-n2-and-n5']
    expect(written.filter((user) => !users.has(user))).toEqual([])
  },
)

function three([first, second, third]: readonly Node[]): readonly [Node, Node, Node] {
  if (first === undefined || second === undefined || third === undefined)
    throw new Error('there are three')
  return [first, second, third]
}

async function lead(node: Node, id: string): Promise<void> {
  if ((await trio.leader()) === node) return
  ;(await trio.leader()).pbx('transfer-leadership', '--to', id)
  await trio.until(`${id} leads`, async () => (await trio.leader()) === node)
}

async function killed(node: Node): Promise<void> {
  node.signal('SIGKILL')
  await node.stopped()
}
