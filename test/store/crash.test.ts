//! kill -9 at any moment: whatever was acknowledged is there, and nothing is there in part.

import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { replicaRow } from '../../src/store/schema/replica.ts'
import { setting } from '../../src/store/schema/setting.ts'
import { newHome, newStore } from './home.ts'

const ROUNDS = 12
const proposer = new URL('./proposer.ts', import.meta.url).pathname
const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
})

test(`what was acknowledged is there after each of ${ROUNDS} kills`, async () => {
  const home = newHome()
  const random = seededRandom(20_261_120)
  const acknowledged = new Map<string, number>()
  for (let round = 0; round < ROUNDS; round++) {
    const lines = await runAndKill(home, `r${round}`, random.below(250))
    let acks = 0
    for (const line of lines) {
      const [word, name = '', index] = line.split(' ')
      if (word !== 'ack' || index === undefined) continue
      acknowledged.set(name, Number(index))
      acks++
    }
    expect(acks, 'the child got to work').toBeGreaterThan(0)
    if (round % 3 === 2) tearTail(home, random.below(5000))
    await check(home, acknowledged)
  }
})

async function check(home: string, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  const store = await newStore(home)
  const highest = Math.max(...acknowledged.values())
  const applied = store.read((db) => replicaRow(db)?.appliedIndex ?? 0)
  expect(applied).toBeGreaterThanOrEqual(highest)
  const missing = store.read((db) => {
    return [...acknowledged.keys()].filter((name) => setting(db, 'system', name) === undefined)
  })
  expect(missing).toEqual([])
  // Each command added one row, so the index that was saved is that of the rows, no other.
  const rows = store.read((db) => Number(db.get('SELECT count(*) AS n FROM settings')?.['n']))
  expect(rows).toBe(applied)
  expect(store.read((db) => db.get('PRAGMA integrity_check'))).toEqual({ integrity_check: 'ok' })
  await store.close()
}

/** Runs until `ms` after it has opened; what it printed in whole lines. */
function runAndKill(home: string, run: string, ms: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [proposer, home, run], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.add(child)
  let text = ''
  let armed = false
  child.stdout.setEncoding('latin1')
  child.stdout.on('data', (piece: string) => {
    text += piece
    if (armed || !text.includes('ack ')) return
    armed = true
    setTimeout(() => child.kill('SIGKILL'), ms)
  })
  return new Promise((resolve) => {
    child.on('close', () => {
      children.delete(child)
      resolve(text.split('\n').slice(0, -1))
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
  const script = `ulimit -f 2000; exec "${process.execPath}" "${proposer}" "${home}" full`
  const child = spawn('/bin/bash', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  let text = ''
  child.stdout.setEncoding('latin1')
  child.stdout.on('data', (piece: string) => (text += piece))
  const status = await new Promise((resolve) => child.on('close', resolve))
  children.delete(child)
  const lines = text.split('\n').slice(0, -1)
  expect(status).toBe(74)
  expect(lines.at(-1)).toMatch(/^fault (io-error|disk-full) .*(check the disk|free some)/)
  const acknowledged = new Map<string, number>()
  for (const line of lines) {
    const [word, name = '', index] = line.split(' ')
    if (word === 'ack') acknowledged.set(name, Number(index))
  }
  expect(acknowledged.size).toBeGreaterThan(0)
  await check(home, acknowledged)
})
