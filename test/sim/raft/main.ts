//! `npm run sim -- [--seeds n] [--from s]`: the same worlds as in `npm test`, as many as asked for,
//! on all cores. Ends with what was simulated, or with the first seed that failed.

import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Outcome } from './run.ts'
import { run } from './run.ts'

const PROGRESS_MS = 10_000

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    of: { type: 'string' },
  },
})
const [seeds, from] = [Number(values.seeds), Number(values.from)]
type Sum = { seeds: number; virtualMs: number; faults: Record<string, number> } & Record<
  (typeof COUNTED)[number],
  number
>
const COUNTED = ['acknowledged', 'reads', 'messages', 'elections', 'leases'] as const

/** Every `of`-th seed, in this process. */
function share(of: number): number {
  for (let seed = from; seed < from + seeds; seed += of) {
    try {
      process.send?.(run(seed))
    } catch (error) {
      process.send?.(error instanceof Error ? error.message : String(error))
      return 1
    }
  }
  return 0
}

async function all(): Promise<number> {
  const workers = availableParallelism()
  const sum: Sum = {
    seeds: 0,
    virtualMs: 0,
    faults: {},
    acknowledged: 0,
    reads: 0,
    messages: 0,
    elections: 0,
    leases: 0,
  }
  const timer = setInterval(
    () => console.log(`${sum.seeds} of ${seeds} seeds, none failed`),
    PROGRESS_MS,
  )
  const failures: string[] = []
  const enough = new AbortController()
  const codes = await Promise.all(
    Array.from({ length: workers }, (_, place) => worker(place, workers, sum, failures, enough)),
  )
  clearInterval(timer)
  for (const failure of failures) console.log(`FAILED: ${failure}`)
  if (failures.length > 0 || codes.some((code) => code !== 0)) return 1
  report(sum)
  return 0
}

function worker(
  place: number,
  of: number,
  sum: Sum,
  failures: string[],
  enough: AbortController,
): Promise<number | null> {
  const args = [`--from=${from + place}`, `--seeds=${seeds - place}`, `--of=${of}`]
  const child = fork(import.meta.filename, args, { signal: enough.signal })
  child.on('message', (message: Outcome | string) => {
    if (typeof message !== 'string') return add(sum, message)
    failures.push(message)
    enough.abort()
  })
  // What aborting says.
  child.on('error', () => {})
  return new Promise((resolve) => child.on('exit', resolve))
}

function add(sum: Sum, outcome: Outcome): void {
  sum.seeds++
  sum.virtualMs += outcome.virtualMs
  for (const name of COUNTED) sum[name] += outcome[name]
  for (const [name, times] of Object.entries(outcome.faults))
    sum.faults[name] = (sum.faults[name] ?? 0) + times
}

function report({ seeds: done, virtualMs, faults, ...counts }: Sum): void {
  console.log(`${done} seeds, ${(virtualMs / 3_600_000).toFixed(1)} virtual hours, none failed`)
  for (const name of COUNTED) console.log(`${String(counts[name]).padStart(12)} ${name}`)
  console.log('faults:')
  for (const [name, times] of Object.entries(faults))
    console.log(`${String(times).padStart(12)} ${name}`)
}

process.exitCode = values.of === undefined ? await all() : share(Number(values.of))
