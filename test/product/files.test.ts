//! The log of the node that serves is on the other nodes too: it can be read when that node is
//! lost, and a node that was away fetches what it missed.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Trio, Node } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000
let trio: Trio

threeNodes(TIMEOUT_MS, (started) => void (trio = started))

const chunksOf = ({ data }: Node): readonly string[] =>
  readdirSync(join(data, 'files')).filter((name) => /^[0-9a-f]{64}$/.test(name))

/** Every node has what the one that serves has, and that is something. */
function complete(): Promise<void> {
  return trio.until('all have all chunks, and say so', async () => {
    const members = (await trio.serving())?.cluster?.members ?? []
    const [first = [], ...others] = trio.nodes.map(chunksOf)
    const isSame = others.every(
      (other) =>
        new Set([...first, ...other]).size === first.length && other.length === first.length,
    )
    return isSame && first.length > 0 && members.every(({ missing }) => missing === 0)
  })
}

test.skipIf(!can)(
  'the log of a lost node is read on another',
  { timeout: TIMEOUT_MS },
  async () => {
    const first = await trio.leader()
    expect(await trio.write('301')).toBe(true)
    await trio.until('its own log is kept', async () => {
      return first.pbx('logs', '--node', first.host.name).includes('server.started')
    })
    await complete()
    first.signal('SIGKILL')
    await first.stopped()
    await trio.until('another serves', async () => (await trio.serving()) !== undefined)
    const next = await trio.leader()
    const lines = next.pbx('logs', '--node', first.host.name, '--json').trim().split('\n')
    const events = lines.map((line) => JSON.parse(line) as { event: string; node: string })
    expect(events.map(({ event }) => event)).toContain('server.started')
    expect(new Set(events.map(({ node }) => node))).toEqual(new Set([first.host.name]))
    expect(next.pbx('logs', '--node', first.host.name)).toMatch(/info {2}server\.started version=/)

    // What the next one logs meanwhile, the first one fetches when it is back.
    const before = chunksOf(first).length
    await trio.until('there is more', async () => chunksOf(next).length > before)
    first.start()
    await trio.whole()
    await complete()
    expect(chunksOf(first).length).toBeGreaterThan(before)
    expect(next.pbx('status')).toMatch(/^node .* files .*is$/m)
  },
)
