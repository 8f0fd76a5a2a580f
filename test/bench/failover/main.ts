//! How long nobody is served when the node that serves fails: three real nodes in network
//! namespaces, one fault after the other. `npm run bench:failover [-- --runs n] [--timing fast]
//! [--faults killed,transferred] [--results FILE]`. Each figure is the longest time between two
//! successes around the fault: two answers to OPTIONS asked every 10 ms, two REGISTERs over new
//! connections, two calls from INVITE to 200, two packets of an established call's sound.

import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Trio, type Node } from '../../cluster/live/trio.ts'
import { canMakeLan } from '../../harness/lan.ts'
import { MEASURES, Phones } from './phones.ts'
import { keep, table, type Result } from './results.ts'

const PROBE_MS = 10
/** After it all that was measured has happened. */
const LASTS_MS = 5_000

type Fault = {
  readonly name: string
  readonly strike: (leader: Node) => void
  readonly mend: (leader: Node) => Promise<void> | void
}

const FAULTS: readonly Fault[] = [
  {
    name: 'killed',
    strike: (leader) => leader.signal('SIGKILL'),
    async mend(leader) {
      await leader.stopped()
      leader.start()
    },
  },
  {
    name: 'stopped',
    strike: (leader) => leader.signal('SIGSTOP'),
    mend: (leader) => leader.signal('SIGCONT'),
  },
  {
    name: 'cable',
    strike: (leader) => leader.host.cut(),
    mend: (leader) => leader.host.mend(),
  },
  {
    name: 'transferred',
    strike: (leader) => void leader.pbx('transfer-leadership'),
    mend: () => {},
  },
]

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    timing: { type: 'string', default: 'default' },
    faults: { type: 'string', default: FAULTS.map(({ name }) => name).join() },
    results: { type: 'string', default: join(tmpdir(), `pbx-failover-${process.pid}.jsonl`) },
  },
})

async function main(): Promise<number> {
  if (!canMakeLan()) {
    console.error('this needs network namespaces: run it as root, with iproute2 and nftables')
    return 1
  }
  const wanted = values.faults.split(',')
  const unknown = wanted.find((name) => !FAULTS.some((fault) => fault.name === name))
  if (unknown !== undefined) {
    console.error(`no fault ${unknown}: ${FAULTS.map(({ name }) => name).join(', ')}`)
    return 2
  }
  const timing = values.timing === 'fast' ? 'fast' : 'default'
  const trio = await Trio.start(timing)
  try {
    trio.probe(PROBE_MS)
    const phones = await Phones.start(trio)
    for (const fault of FAULTS.filter(({ name }) => wanted.includes(name))) {
      const runs: Gaps[] = []
      while (runs.length < Number(values.runs)) runs.push(await gapsOf(trio, phones, fault))
      keep(values.results, resultsOf(runs, { commit: commit(), timing, fault: fault.name }))
    }
    phones.stop()
  } finally {
    await trio.stop()
  }
  console.log(`${table(values.results)}\n(${values.results})`)
  return 0
}

type Gaps = Readonly<Record<string, number>>

async function gapsOf(trio: Trio, phones: Phones, fault: Fault): Promise<Gaps> {
  await trio.whole()
  await sleep(1_000)
  const leader = await trio.leader()
  const from = Date.now() - 300
  fault.strike(leader)
  await sleep(LASTS_MS)
  const gaps: Record<string, number> = { answer: answerGap(trio, from) }
  for (const measure of MEASURES) gaps[measure] = phones.gap(measure, from) ?? LASTS_MS
  gaps['sound'] = phones.pause(from) ?? LASTS_MS
  const told = Object.entries(gaps).map(([measure, gap]) => `${measure} ${Math.round(gap)}`)
  console.log(`${fault.name}: ${told.join(', ')}`)
  const { length } = phones.refused(from)
  if (fault.name === 'transferred') console.log(`  tries that came to nothing: ${length}`)
  await fault.mend(leader)
  return gaps
}

function answerGap(trio: Trio, from: number): number {
  const times = trio
    .answers()
    .map(({ answered }) => answered)
    .filter((at) => at >= from)
  return Math.max(0, ...times.slice(1).map((at, place) => at - (times[place] ?? at)))
}

function resultsOf(runs: readonly Gaps[], of: Omit<Result, 'measure' | 'gaps'>): readonly Result[] {
  return Object.keys(runs[0] ?? {}).map((measure) => ({
    ...of,
    measure,
    gaps: runs.map((gaps) => gaps[measure] ?? 0),
  }))
}

/** `+` when what was measured is not what was committed. */
function commit(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  const isChanged = git('status', '--porcelain', '--', '../../../src', '../../../roles') !== ''
  return git('rev-parse', '--short', 'HEAD') + (isChanged ? '+' : '')
}

process.exitCode = await main()
process.exit()
