//! The faults that a host is given are there: without that, nothing is shown by surviving them.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { BadHost, buildBadHost } from './bad-host.ts'

const root = mkdtempSync(join(tmpdir(), 'pbx-bad-host-'))
const library = buildBadHost(root)
let host: BadHost
let data: string
let hosts = 0

beforeEach(() => {
  const directory = join(root, String(++hosts))
  data = join(directory, 'data')
  mkdirSync(data, { recursive: true })
  host = new BadHost(library ?? '', join(directory, 'faults'), data)
  host.writeBack()
})
afterAll(() => rmSync(root, { recursive: true }))

/** What the program says. */
function run(program: string): string {
  const args = [...host.environment, process.execPath, '-e', program]
  return execFileSync('env', args, { encoding: 'utf8', cwd: data })
}

/** Runs the program until it has said something, and kills it. */
async function killed(program: string): Promise<void> {
  const args = [...host.environment, process.execPath, '-e', program]
  const child = spawn('env', args, { cwd: data, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'close')
}

const BEGIN = `
  const fs = require('node:fs')
  const file = fs.openSync('file', 'w+')
  const put = (text, at) => fs.writeSync(file, text, at)
  put('0123456789', 0)
  fs.fdatasyncSync(file)
`
const WAIT = `console.log('so far'); setInterval(() => {}, 1000)`

test.skipIf(library === undefined)('a power cut takes what was not synced', async () => {
  await killed(`${BEGIN} put('abc', 2); put('more', 9); put('x', 2); ${WAIT}`)
  expect(readFileSync(join(data, 'file'), 'latin1')).toBe('01xbc5678more')
  expect(host.loseUnsynced()).toBe(3)
  expect(readFileSync(join(data, 'file'), 'latin1')).toBe('0123456789')
})

test.skipIf(library === undefined)('a power cut leaves what was synced', async () => {
  const other = `const other = fs.openSync('other', 'w'); fs.writeSync(other, 'lost')`
  await killed(`${BEGIN} ${other}; put('abc', 2); fs.fsyncSync(file); put('x', 0); ${WAIT}`)
  expect(host.loseUnsynced()).toBe(2)
  expect(readFileSync(join(data, 'file'), 'latin1')).toBe('01abc56789')
  expect(readFileSync(join(data, 'other'), 'latin1')).toBe('')
})

test.skipIf(library === undefined)('a file that was cut is whole again', async () => {
  await killed(`${BEGIN} fs.ftruncateSync(file, 4); put('x', 8); ${WAIT}`)
  host.loseUnsynced()
  expect(readFileSync(join(data, 'file'), 'latin1')).toBe('0123456789')
})

test.skipIf(library === undefined)('the wall clock jumps, and no other', () => {
  const clocks = 'console.log(Date.now(), performance.now())'
  host.jumpClock(-3_600_000)
  const [wall = 0, monotonic = 0] = run(clocks).split(' ').map(Number)
  expect(Math.abs(Date.now() - 3_600_000 - wall)).toBeLessThan(30_000)
  expect(monotonic).toBeGreaterThan(0)
  expect(monotonic).toBeLessThan(30_000)
})

test.skipIf(library === undefined)('a sync takes longer, a write does not', () => {
  const timed = (what: string): string => `{ const at = performance.now(); ${what};
    console.log(Math.round(performance.now() - at)) }`
  host.slowDisk(400)
  const [written = 0, synced = 0] = run(
    `const fs = require('node:fs'); const file = fs.openSync('file', 'w')
     ${timed("fs.writeSync(file, 'a')")} ${timed('fs.fdatasyncSync(file)')}`,
  )
    .split('\n')
    .map(Number)
  expect(written).toBeLessThan(400)
  expect(synced).toBeGreaterThanOrEqual(400)
})
