//! A backup restored in a cluster of three: all nodes hold the same afterwards, byte by byte, also
//! the one that was away meanwhile, and the next leader serves it.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Trio, Node } from '../cluster/live/trio.ts'
import { dumpOf } from '../harness/dump.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000
let trio: Trio

threeNodes(TIMEOUT_MS, (started) => void (trio = started))

const databaseOf = ({ data }: Node): string => join(data, 'pbx.db')

async function same(): Promise<void> {
  await trio.whole()
  await trio.until('all hold the same', async () => {
    const [first, ...others] = trio.nodes.map((node) => dumpOf(databaseOf(node)))
    return others.every((other) => other === first)
  })
}

test.skipIf(!can)('a restore makes all nodes equal', { timeout: TIMEOUT_MS }, async () => {
  const kept = ['301', '302', '303']
  for (const user of kept) expect(await trio.write(user)).toBe(true)
  const first = await trio.leader()
  const file = join(first.data, 'the-backup')
  first.pbx('backup', file)
  for (const user of ['401', '402']) expect(await trio.write(user)).toBe(true)

  const away = trio.nodes.find((node) => node !== first)
  away?.signal('SIGKILL')
  await away?.stopped()
  first.pbx('restore', file, '--yes')
  const users = new Set(['1001', '1002', ...kept])
  expect(await trio.users()).toEqual(users)
  away?.start()
  await same()
  expect(JSON.parse(dumpOf(databaseOf(first)))).toContainEqual(['restore_batches', []])

  first.signal('SIGKILL')
  await first.stopped()
  await trio.until('another serves it', async () => {
    if ((await trio.serving()) === undefined) return false
    return (await trio.users()).size === users.size
  })
  expect(await trio.users()).toEqual(users)
  // A system that was restored goes on as any other.
  expect(await trio.write('501')).toBe(true)
  first.start()
  await same()
})
