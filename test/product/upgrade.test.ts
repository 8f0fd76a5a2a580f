//! Three nodes of the real product, updated one after the other to a release with a schema of its
//! own: a copy of the sources with one migration more.

import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { SCHEMA_VERSION } from '../../src/store/schema/schema.ts'
import { Node, tokensIn, type Trio } from '../cluster/live/trio.ts'
import { can, threeNodes } from './three-nodes.ts'

const TIMEOUT_MS = 120_000
const ROOT = join(import.meta.dirname, '..', '..')
const PART = 'src/store/schema/setting.ts'
const NEXT = SCHEMA_VERSION + 1

let trio: Trio
const directory = mkdtempSync(join(tmpdir(), 'pbx-next-'))
afterAll(() => rmSync(directory, { recursive: true }))
threeNodes(TIMEOUT_MS, (started) => void (trio = started))

/** The program of the next release. */
function nextRelease(): string {
  for (const part of ['src', 'roles', 'config', 'package.json'])
    cpSync(join(ROOT, part), join(directory, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  const source = readFileSync(join(directory, PART), 'utf8')
  const sql = 'CREATE TABLE notes (id TEXT PRIMARY KEY) STRICT'
  const more = `migrations: [{ version: ${NEXT}, sql: '${sql}' }, `
  expect(source.split('migrations: [')).toHaveLength(2)
  writeFileSync(join(directory, PART), source.replace('migrations: [', more))
  return join(directory, 'src/main.ts')
}

const idOf = (node: Node): string => `node-${trio.nodes.indexOf(node) + 1}`

async function update(node: Node, main: string): Promise<void> {
  node.signal('SIGTERM')
  await node.stopped()
  node.main = main
  node.start()
  await trio.whole()
}

const schemaLine = (node: Node): string => /^schema +(.*)$/m.exec(node.pbx('status'))?.[1] ?? ''

/** What a host says that is not let in. */
function refused(host: Node): string {
  const [token = ''] = tokensIn(trio.nodes[0]?.pbx('cluster', 'token') ?? '')
  try {
    return host.join(token)
  } catch (failure) {
    return String((failure as { stderr?: unknown }).stderr)
  }
}

test.skipIf(!can)(
  'all go over when the last of them has the next release',
  { timeout: TIMEOUT_MS },
  async () => {
    const main = nextRelease()
    const old = trio.nodes[0]?.main ?? ''
    const others = [...trio.nodes]
    for (let written = 0; others.length > 0; written++) {
      expect(await trio.write(`10${written}`)).toBe(true)
      for (const node of trio.nodes)
        expect(schemaLine(node)).toMatch(new RegExp(`^${SCHEMA_VERSION}`))
      const node = others.pop()
      if (node === undefined) break
      await update(node, main)
      const waits = others.map(
        (each) => `${idOf(each)} (knows ${SCHEMA_VERSION}: update pbx there)`,
      )
      const whom = `${SCHEMA_VERSION}; ${NEXT} waits for ${waits.join(', ')}`
      for (const each of others.length > 0 ? trio.nodes : [])
        await expect.poll(() => schemaLine(each), { timeout: 10_000 }).toBe(whom)
    }
    for (const node of trio.nodes)
      await expect.poll(() => schemaLine(node), { timeout: 10_000 }).toBe(String(NEXT))
    expect([...(await trio.users())]).toEqual(expect.arrayContaining(['100', '101', '102']))

    const fourth = new Node(trio.lan.host('n4', 4), join(trio.directory, 'n4'))
    fourth.main = old
    const found = `it knows schema ${SCHEMA_VERSION} of the state, the cluster has ${NEXT}`
    expect(refused(fourth)).toContain(
      `older release (${found}): update pbx there, then let it join`,
    )

    const [first] = trio.nodes
    first?.signal('SIGTERM')
    await first?.stopped()
    if (first === undefined) return
    Object.assign(first, { main: old, output: '' })
    first.start()
    await first.stopped()
    expect([first.process?.exitCode, first.output]).toEqual([
      2,
      expect.stringContaining('the database is of a newer release'),
    ])
  },
)
