//! A virtual address that another host of the LAN has already is refused where a cluster is made.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Node } from '../cluster/live/trio.ts'
import { canMakeLan, Lan, type LanHost } from '../harness/lan.ts'

const can = canMakeLan()
const FOUR = '10.9.0.100'
const SIX = 'fd00:9::100'
const TIMEOUT_MS = 30_000

let lan: Lan
let directory: string
let node: Node
let other: LanHost

beforeAll(() => {
  if (!can) return
  directory = mkdtempSync(join(tmpdir(), 'pbx-taken-'))
  lan = new Lan('taken')
  node = new Node(lan.host('n1', 1), join(directory, 'n1'))
  other = lan.host('other', 2)
})

afterAll(() => {
  if (!can) return
  lan.remove()
  rmSync(directory, { recursive: true })
})

const init = (): string => {
  const vip = ['--vip', `${FOUR}/24,${SIX}/64`]
  return node.pbx('cluster', 'init', '--address', '10.9.0.1', '--name', 'n1', ...vip)
}

test.skipIf(!can)('refused with who has it, then taken', { timeout: TIMEOUT_MS }, () => {
  for (const address of [FOUR, SIX]) {
    const own = [address, 'dev', 'eth0']
    other.run('ip', 'addr', 'add', ...own, 'nodad')
    const why = `--vip ${address} is taken, by ${other.mac} on eth0: take one that is free`
    expect(init).toThrow(why)
    other.run('ip', 'addr', 'del', ...own)
  }
  expect(init()).toMatch(/^this host is node-1 \(n1\) of a new cluster/)
})
