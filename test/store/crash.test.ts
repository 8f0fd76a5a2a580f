//! kill -9 at any moment: whatever was acknowledged is there, and nothing is there in part.

import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { raftRow } from '../../src/store/schema/raft.ts'
import { replicaRow } from '../../src/store/schema/replica.ts'
import { setting } from '../../src/store/schema/setting.ts'
import { newHome, newStore } from './home.ts'

const ROUNDS = 12
/** A child takes a second to start, or several on a busy machine. */
const PATIENCE_MS = 180_000
const ACKNOWLEDGED = 'acknowledged'
const proposer = new URL('./proposer.ts', import.meta.url).pathname
const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

test(
  `what was acknowledged is there after each of ${ROUNDS} kills`,
  async () => {
    const home = newHome()
    const random = seededRandom(20_261_120)
    const acknowledged = new Map<string, number>()
    for (let round = 0; round < ROUNDS; round++) {
      const before = acknowledged.size
      await runAndKill(home, `r${round}`, random.below(250))
      readAcknowledged(home, acknowledged)
      expect(acknowledged.size, 'the child got to work').toBeGreaterThan(before)
      if (round % 3 === 2) tearTail(home, random.below(5000))
      await check(home, acknowledged)
    }
  },
  PATIENCE_MS,
)

/** Whole lines of what the children have written down. */
function readAcknowledged(home: string, into: Map<string, number>): void {
  const lines = readFileSync(join(home, ACKNOWLEDGED), 'latin1').split('\n').slice(0, -1)
  for (const line of lines) {
    const [name = '', index] = line.split(' ')
    into.set(name, Number(index))
  }
}

async function check(home: string, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  const store = await newStore(home)
  const highest = Math.max(...acknowledged.values())
  const applied = store.read((db) => replicaRow(db)?.appliedIndex ?? 0)
  expect(applied).toBeGreaterThanOrEqual(highest)
  const missing = store.read((db) => {
    return [...acknowledged.keys()].filter((name) => setting(db, 'system', name) === undefined)
  })
  expect(missing).toEqual([])
  // Each command added one row and each term, one a start, began with an empty entry: so the index
  // that was saved is that of the rows, no other.
  const rows = store.read((db) => Number(db.get('SELECT count(*) AS n FROM settings')?.['n']))
  const term = store.read((db) => raftRow(db)?.hardState.term ?? 0)
  expect(rows + term).toBe(applied)
  expect(store.read((db) => db.get('PRAGMA integrity_check'))).toEqual({ integrity_check: 'ok' })
  await store.close()
}

/** Runs until `ms` after its first acknowledgement. */
function runAndKill(home: string, run: string, ms: number): Promise<void> {
  const program = [proposer, home, run, join(home, ACKNOWLEDGED)]
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), ms))
  return new Promise((resolve) => {
    child.on('close', () => {
      children.delete(child)
      resolve()
    })
  })
}

/** What a power loss may leave after the last synced frame of the log: anything. */
function tearTail(home: string, bytes: number): void {
  const wal = join(home, 'pbx.db-wal')
  const size = statSync(wal, { throwIfNoEntry: false })?.size
  if (size === undefined) return
  appendFileSync(wal, new Uint8Array(bytes + 5000).fill(0xa5))
  truncateSync(wal, size + bytes)
}

test('a disk that refuses ends the process, which says why and acknowledges no more', async () => {
  const home = newHome()
  const command = [process.execPath, proposer, home, 'full', join(home, ACKNOWLEDGED)]
  const quoted = command.map((word) => `"${word}"`).join(' ')
  const child = spawn('/bin/bash', ['-c', `ulimit -f 2000; exec ${quoted}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.add(child)
  let said = ''
  child.stdout.setEncoding('latin1')
  child.stdout.on('data', (piece: string) => (said += piece))
  const status = await new Promise((resolve) => child.on('close', resolve))
  children.delete(child)
  expect(status).toBe(74)
  expect(said).toMatch(/^working\nfault (io-error|disk-full) .*(check the disk|free some)/)
  const acknowledged = new Map<string, number>()
  readAcknowledged(home, acknowledged)
  expect(acknowledged.size).toBeGreaterThan(0)
  await check(home, acknowledged)
})
