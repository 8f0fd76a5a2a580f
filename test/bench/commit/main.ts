//! Commits on three nodes: `npm run bench:commit`. One proposal at a time against what the disk's
//! own fsync takes in the same run, and small commands when many wait. The nodes share this machine
//! and its disk: what three hosts do at once is done here three times by one.

import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openStore } from '../../../src/store/open.ts'
import type { Command, Store } from '../../../src/store/store.ts'
import { wallTime } from '../../../src/base/time.ts'
import { realHost } from '../../store/host.ts'
import { openGroup } from './group.ts'

const PAGE = 4_096
const SAMPLES = 500
const SECONDS = 3
const REST_MS = 20
const WAITING = [10, 100, 1_000, 5_000] as const
const FSYNC_GOAL_MS = 5
const RATE_GOAL = 10_000

const { values } = parseArgs({ options: { directory: { type: 'string', default: '/var/tmp' } } })

const directory = mkdtempSync(join(values.directory, 'pbx-bench-'))
try {
  console.log(`${availableParallelism()} cores, one disk, shared by all nodes: ${directory}`)
  const alone = await openAlone(directory)
  await measure('alone', alone)
  await alone.close()
  const group = await openGroup(directory)
  await measure('three nodes', group.leader)
  await group.close()
} finally {
  rmSync(directory, { recursive: true })
}

async function measure(name: string, store: Store): Promise<void> {
  const { proposals, fsyncs } = await singles(store)
  tell(`${name}, one proposal at a time`, proposals)
  tell('  fdatasync of a page, in turn with them', fsyncs)
  const beyond = median(proposals) - median(fsyncs)
  console.log(`  beyond the disk: ${beyond.toFixed(2)} ms (goal on three: ${FSYNC_GOAL_MS})`)
  for (const waiting of WAITING) {
    const rate = await batched(store, waiting)
    const share = (rate / RATE_GOAL).toFixed(2)
    const text = `${Math.round(rate).toLocaleString('en')}/s (${share} of the goal)`
    console.log(`${name}, ${waiting} waiting at once: ${text}`)
  }
}

function openAlone(parent: string): Promise<Store> {
  const host = realHost()
  const own = mkdtempSync(join(parent, 'alone-'))
  return openStore({
    host,
    directory: own,
    onFault(fault) {
      throw fault
    },
  })
}

type Singles = { readonly proposals: readonly number[]; readonly fsyncs: readonly number[] }

/** Milliseconds each, sorted; in turn, so that both meet the same disk. */
async function singles(store: Store): Promise<Singles> {
  const file = openSync(join(directory, 'page'), 'w')
  const page = Buffer.alloc(PAGE, 1)
  const proposals: number[] = []
  const fsyncs: number[] = []
  for (let n = 0; n < SAMPLES; n++) {
    const from = performance.now()
    await commit(store, small(0, n))
    proposals.push(performance.now() - from)
    // Followers learn in the next moment what is committed, and store that.
    await sleep(REST_MS)
    const synced = performance.now()
    writeSync(file, page, 0, PAGE, n * PAGE)
    fdatasyncSync(file)
    fsyncs.push(performance.now() - synced)
    // Who comes at once would wait for the gap between two commits: this is about who does not.
    await sleep(REST_MS)
  }
  closeSync(file)
  const sorted = (times: readonly number[]): readonly number[] => times.toSorted((a, b) => a - b)
  return { proposals: sorted(proposals), fsyncs: sorted(fsyncs) }
}

/** Commands a second. */
async function batched(store: Store, waiting: number): Promise<number> {
  let commits = 0
  const from = performance.now()
  const end = from + SECONDS * 1_000
  const lane = async (number: number): Promise<void> => {
    for (let n = 0; performance.now() < end; n++) {
      await commit(store, small(number, n))
      commits++
    }
  }
  await Promise.all(Array.from({ length: waiting }, (_, number) => lane(number)))
  return (commits / (performance.now() - from)) * 1_000
}

async function commit(store: Store, command: Command): Promise<void> {
  const done = await store.propose(command)
  if (!done.ok) throw new Error(`not committed: ${done.error.kind}`)
}

/** The smallest that writes a row. */
function small(lane: number, n: number): Command {
  const id = `c${lane}` as Extract<Command, { kind: 'call.saved' }>['id']
  return { kind: 'call.saved', id, snapshot: '{}', at: wallTime(n) }
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function tell(name: string, sorted: readonly number[]): void {
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2)
  console.log(`${name}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`)
}
