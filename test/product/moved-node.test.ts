//! A host of three whose address has changed: every host says so, and how to mend it.

import { expect, test } from 'vitest'
import type { Node, Trio } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000
const NEW = '10.9.0.43'

let trio: Trio
threeNodes(TIMEOUT_MS, (started) => void (trio = started))

async function seen(node: Node) {
  const all = (await trio.serving())?.cluster?.members
  return all?.find(({ name }) => name === node.host.name)
}

test.skipIf(!can)('it is told of until it is mended', { timeout: TIMEOUT_MS }, async () => {
  const moved = await trio.leader()
  const { address } = moved.host
  moved.host.run('ip', 'addr', 'add', `${NEW}/24`, 'dev', 'eth0')
  moved.host.run('ip', 'addr', 'del', `${address}/24`, 'dev', 'eth0')
  moved.host.run('ip', 'addr', 'replace', `${NEW}/24`, 'dev', 'eth0')
  const why = `its host has not the address ${address}, by which the others know it: see its`
  await trio.until('who serves says so', async () => {
    return (await seen(moved))?.unfit?.includes(why) === true
  })
  await trio.until('its log does', () => moved.output.includes(why))
  await trio.until('another serves', async () => (await trio.leader()) !== moved)
  moved.signal('SIGTERM')
  await moved.stopped()
  moved.pbx('cluster', 'change', '--address', NEW)
  moved.start()
  await trio.whole()
  const leader = await trio.leader()
  expect(leader).not.toBe(moved)
  leader.pbx('transfer-leadership', '--to', (await seen(moved))?.id ?? '')
  await trio.until('it is known where it is', async () => {
    const now = await seen(moved)
    return now?.at.startsWith(NEW) === true && now.unfit === undefined
  })
})
