//! `npm run sim -- [--seeds n] [--from s] [--kind raft] [--part calls]`: the same worlds as in
//! `npm test`, as many as asked for, on all cores; with `--kind` all of them of that kind, with
//! `--part` those alone that are of that kind anyway. Ends with what was simulated, and with the
//! first seed that failed, or with `--go-on` all that did; told to stop it says how far it came.

import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { ALL_KINDS, kindOf, runSeed, type Kind } from './kinds.ts'
import type { Outcome } from './outcome.ts'

const PROGRESS_MS = 10_000
/** One in so many of each process is run twice: the same seed is the same world. */
const TWICE = 100

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    kind: { type: 'string' },
    part: { type: 'string' },
    'go-on': { type: 'boolean', default: false },
    of: { type: 'string' },
    place: { type: 'string', default: '0' },
  },
})
const [seeds, from] = [Number(values.seeds), Number(values.from)]
const only = ALL_KINDS.find((kind) => kind === values.kind)
const part = ALL_KINDS.find((kind) => kind === values.part)
const all = Array.from({ length: seeds }, (_, place) => from + place)
const chosen = part === undefined ? all : all.filter((seed) => kindOf(seed) === part)

type Sum = {
  seeds: number
  virtualMs: number
  readonly counts: Map<string, number>
  readonly faults: Map<string, number>
}
type Report = { readonly kind: Kind; readonly outcome: Outcome }

/** Every `of`-th seed, in this process. */
async function share(of: number): Promise<number> {
  process.once('SIGTERM', () => process.exit(1))
  let code = 0
  const own = chosen.filter((_, place) => place % of === Number(values.place))
  for (const [place, seed] of own.entries()) {
    const kind = only ?? kindOf(seed)
    try {
      const outcome = await runSeed(kind, seed)
      const isTwice = place % TWICE === 0
      if (isTwice && (await runSeed(kind, seed)).digest !== outcome.digest)
        throw new Error(`${kind}, seed ${seed}: another world the second time`)
      process.send?.({ kind, outcome } satisfies Report)
    } catch (error) {
      process.send?.(error instanceof Error ? error.message : String(error))
      code = 1
      if (!values['go-on']) break
    }
  }
  return code
}

async function runAll(): Promise<number> {
  for (const [name, given, found] of [
    ['kind', values.kind, only],
    ['part', values.part, part],
  ]) {
    if (given === undefined || found !== undefined) continue
    console.log(`--${name} ${given}: there are ${ALL_KINDS.join(', ')}`)
    return 2
  }
  const workers = availableParallelism()
  const sums = new Map<Kind, Sum>()
  const failures: string[] = []
  const timer = setInterval(() => {
    const done = [...sums.values()].reduce((sum, each) => sum + each.seeds, 0)
    const failed = failures.length === 0 ? 'none failed' : `${failures.length} more have failed`
    console.log(`${done} of ${chosen.length} seeds, ${failed}`)
  }, PROGRESS_MS)
  const enough = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => enough.abort())
  const codes = await Promise.all(
    Array.from({ length: workers }, (_, place) => worker(place, workers, sums, failures, enough)),
  )
  clearInterval(timer)
  for (const [kind, sum] of sums) report(kind, sum)
  for (const failure of failures) console.log(`FAILED: ${failure}`)
  if (failures.length === 0 && codes.every((code) => code === 0)) return 0
  if (failures.length === 0) console.log(`ended before all ${chosen.length} seeds were run`)
  return 1
}

function worker(
  place: number,
  of: number,
  sums: Map<Kind, Sum>,
  failures: string[],
  enough: AbortController,
): Promise<number | null> {
  const args = [...process.argv.slice(2), `--of=${of}`, `--place=${place}`]
  const child = fork(import.meta.filename, args, { signal: enough.signal })
  child.on('message', (message: Report | string) => {
    if (typeof message !== 'string') return add(sums, message)
    failures.push(message)
    console.log(`FAILED: ${message}`)
    if (!values['go-on']) enough.abort()
  })
  // What aborting says.
  child.on('error', () => {})
  return new Promise((resolve) => child.on('exit', resolve))
}

function add(sums: Map<Kind, Sum>, { kind, outcome }: Report): void {
  const sum = sums.get(kind) ?? { seeds: 0, virtualMs: 0, counts: new Map(), faults: new Map() }
  sums.set(kind, sum)
  sum.seeds++
  sum.virtualMs += outcome.virtualMs
  for (const part of ['counts', 'faults'] as const)
    for (const [name, number] of Object.entries(outcome[part]))
      sum[part].set(name, (sum[part].get(name) ?? 0) + number)
}

function report(kind: Kind, { seeds: done, virtualMs, counts, faults }: Sum): void {
  const hours = (virtualMs / 3_600_000).toFixed(1)
  console.log(`${kind}: ${done} seeds, ${hours} virtual hours`)
  for (const [name, number] of counts) console.log(`${String(number).padStart(12)} ${name}`)
  const total = [...faults.values()].reduce((sum, number) => sum + number, 0)
  console.log(`${String(total).padStart(12)} faults:`)
  for (const [name, number] of faults) console.log(`${String(number).padStart(16)} ${name}`)
}

process.exitCode = values.of === undefined ? await runAll() : await share(Number(values.of))
