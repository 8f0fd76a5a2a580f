//! How long nobody answers at the virtual address when the node that serves fails: three real nodes
//! in network namespaces, one fault after the other. `npm run bench:failover [-- --runs n]
//! [--timing fast]`. The ratio is to the timing's own least election, which no fault can beat.

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { TICK, TIMINGS } from '../../../src/cluster/timings.ts'
import { Trio, type Node } from '../../cluster/live/trio.ts'
import { canMakeLan } from '../../harness/lan.ts'

const PROBE_MS = 10

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
    name: 'cable pulled',
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
  },
})

async function main(): Promise<number> {
  if (!canMakeLan()) {
    console.error('this needs network namespaces: run it as root, with iproute2 and nftables')
    return 1
  }
  const timing = values.timing === 'fast' ? 'fast' : 'default'
  const least = TIMINGS[timing].electionMinTicks * TICK
  const trio = await Trio.start(timing)
  try {
    trio.probe(PROBE_MS)
    for (const fault of FAULTS) {
      const gaps: number[] = []
      for (let run = 0; run < Number(values.runs); run++) gaps.push(await gapOf(trio, fault))
      gaps.sort((a, b) => a - b)
      const [median, p99] = [0.5, 0.99].map((share) => gaps[Math.floor(gaps.length * share)] ?? 0)
      console.log(
        `${fault.name.padEnd(14)} ${gaps.length} runs: median ${ms(median)}, p99 ${ms(p99)}, ` +
          `least ${ms(gaps[0])}; median is ${((median ?? 0) / least).toFixed(2)} of ${ms(least)}`,
      )
    }
  } finally {
    await trio.stop()
  }
  return 0
}

/** The longest time between two answers around the fault, in milliseconds. */
async function gapOf(trio: Trio, fault: Fault): Promise<number> {
  await trio.whole()
  await sleep(500)
  const leader = await trio.leader()
  const from = Date.now() - 200
  fault.strike(leader)
  await sleep(3_500)
  const times = trio
    .answers()
    .map(({ answered }) => answered)
    .filter((at) => at >= from)
  await fault.mend(leader)
  return Math.max(...times.slice(1).map((at, place) => at - (times[place] ?? at)))
}

function ms(value: number | undefined): string {
  return `${Math.round(value ?? 0)} ms`
}

process.exitCode = await main()
process.exit()
