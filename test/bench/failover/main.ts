//! What a failover costs: real nodes in network namespaces, and phones on a host of their own.
//! `npm run bench:failover [-- --parts timings,calls] [--runs n] [--timing default,fast]
//! [--faults killed,cable] [--clients n] [--calls n] [--results FILE]`. The parts:
//!
//!     timings    how long nobody is served, by fault: `timings.ts`
//!     calls      established calls, media elsewhere and on the nodes, that a kill leaves
//!     ringing    ringing calls that are answered after a kill
//!     clients    idle TCP and TLS clients, and how long until they are back
//!     moves      transactions that fail in planned moves under load
//!     pacemaker  how long nobody answers at an address of Pacemaker's, where it is installed

import { execFileSync } from 'node:child_process'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { canMakeLan } from '../../harness/lan.ts'
import { callsKept, type CallsTrial } from './calls.ts'
import { FAULTS } from './faults.ts'
import { idleClients } from './idle.ts'
import { movesUnderLoad } from './moves.ts'
import { missingOfPacemaker, pacemakerTimings } from './pacemaker.ts'
import { keep, table, type Result, type Timing } from './results.ts'
import { timings } from './timings.ts'

const PARTS = ['timings', 'calls', 'ringing', 'clients', 'moves', 'pacemaker'] as const
type Part = (typeof PARTS)[number]
const TIMINGS: readonly Timing[] = ['default', 'fast']
const RINGING = 100
/** Established calls go on while nobody serves; ringing ones are answered then, and afterwards. */
const AFTER_MS = 2_000

const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: PARTS.join() },
    runs: { type: 'string', default: '20' },
    timing: { type: 'string', default: 'default' },
    faults: { type: 'string', default: FAULTS.map(({ name }) => name).join() },
    calls: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '10000' },
    results: { type: 'string', default: join(tmpdir(), `pbx-failover-${process.pid}.jsonl`) },
  },
})
const lines: string[] = []

async function main(): Promise<number> {
  if (!canMakeLan()) {
    console.error('this needs network namespaces: run it as root, with iproute2 and nftables')
    return 1
  }
  const parts = chosen('parts', PARTS)
  const chosenTimings = chosen('timing', TIMINGS)
  const names = chosen(
    'faults',
    FAULTS.map(({ name }) => name),
  )
  if (parts === undefined || chosenTimings === undefined || names === undefined) return 2
  for (const timing of chosenTimings) for (const part of parts) await run(part, timing, names)
  console.log(`\n${[...lines, table(values.results)].join('\n')}\n(${values.results})`)
  return 0
}

/** Of an option, as it was given; undefined, and said, when one of them is unknown. */
function chosen<Name extends string>(
  option: 'parts' | 'timing' | 'faults',
  known: readonly Name[],
): readonly Name[] | undefined {
  const wanted = values[option].split(',')
  const unknown = wanted.find((each) => !known.some((name) => name === each))
  if (unknown === undefined) return known.filter((name) => wanted.includes(name))
  console.error(`--${option}: there is no ${unknown}, but ${known.join(', ')}`)
  return undefined
}

async function run(part: Part, timing: Timing, faults: readonly string[]): Promise<void> {
  const runs = Number(values.runs)
  console.log(`\n${part}, ${timing} timing`)
  const measured = (all: readonly Measured[]): void => keepAll(all, timing)
  switch (part) {
    case 'timings':
      return timings(
        timing,
        FAULTS.filter(({ name }) => faults.includes(name)),
        runs,
        measured,
      )
    case 'calls':
      for (const media of ['elsewhere', 'on the nodes'] as const)
        await calls({ timing, kind: 'up', calls: Number(values.calls), media, afterMs: AFTER_MS })
      return undefined
    case 'ringing':
      for (const afterMs of [0, AFTER_MS])
        await calls({ timing, kind: 'ringing', calls: RINGING, media: 'on the nodes', afterMs })
      return undefined
    case 'clients':
      return measured(await idleClients(timing, Number(values.clients)))
    case 'moves':
      return tell(timing, await movesUnderLoad(timing, runs))
    case 'pacemaker': {
      const missing = missingOfPacemaker()
      if (missing.length > 0) return tell(timing, [`no Pacemaker here: ${missing.join(', ')}`])
      return keepAll(await pacemakerTimings(timing, faults, runs), `pacemaker ${timing}`)
    }
  }
}

type Measured = Pick<Result, 'fault' | 'measure' | 'gaps'>

function keepAll(all: readonly Measured[], timing: string): void {
  keep(
    values.results,
    all.map((each) => ({ ...each, commit: commit(), timing })),
  )
}

async function calls(trial: CallsTrial): Promise<void> {
  tell(trial.timing, [await callsKept(trial)])
}

function tell(timing: Timing, said: readonly string[]): void {
  const load = loadavg()[0]?.toFixed(1)
  const [head = '', ...more] = said
  const all = [`${timing}, ${commit()}, load ${load}: ${head}`, ...more]
  lines.push(...all)
  console.log(all.join('\n'))
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
