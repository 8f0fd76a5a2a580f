//! Does a loaded machine keep its lease? Three real nodes in network namespaces and busy loops
//! beside them: `npm run soak:lease [-- --minutes 30] [--loops 8] [--timing fast]`. Counts
//! elections, resignations and what the kernel's gate had left whenever it was looked at.

import { setTimeout as sleep } from 'node:timers/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { TIMINGS } from '../../../src/cluster/timings.ts'
import { Trio, type Node } from '../../cluster/live/trio.ts'
import { canMakeLan } from '../../harness/lan.ts'
import { startBusyLoops } from './busy.ts'
import { GateWatch } from './gate-watch.ts'
import { StallWatch } from './stall.ts'

const PROBE_MS = 50
const LOOK_EVERY_MS = 250
const REPORT_EVERY_MS = 60_000
/** Events of the log that tell of a lease that was lost, or of who was missed. */
const COUNTED = ['leader.changed', 'leader.resigned', 'node.on-standby', 'peer.disconnected']

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    loops: { type: 'string', default: '8' },
    timing: { type: 'string', default: 'default' },
  },
})

async function main(): Promise<number> {
  if (!canMakeLan()) {
    console.error('this needs network namespaces: run it as root, with iproute2 and nftables')
    return 1
  }
  const timing = values.timing === 'fast' ? 'fast' : 'default'
  const trio = await Trio.start(timing)
  try {
    trio.probe(PROBE_MS)
    const before = counts(trio.nodes)
    const busy = startBusyLoops(Number(values.loops))
    try {
      const leader = await trio.leader()
      const watch = new GateWatch(leader.host, LOOK_EVERY_MS)
      const stall = new StallWatch()
      const from = Date.now()
      const until = from + Number(values.minutes) * 60_000
      while (Date.now() < until) {
        await sleep(Math.min(REPORT_EVERY_MS, until - Date.now()))
        const minutes = ((Date.now() - from) / 60_000).toFixed(1)
        const text = difference(before, counts(trio.nodes))
        console.log(
          `${minutes} min: ${text}; ${watch.text(TIMINGS[timing].lease)}; ${stall.text()}`,
        )
        for (const why of newReasons(trio.nodes)) console.log(`  ${why}`)
      }
      watch.stop()
      stall.stop()
      console.log(
        `${values.loops} busy loops, ${availableParallelism()} cores, ${timing} timings: ` +
          `longest time without an answer ${Math.round(longestGap(trio, from))} ms`,
      )
      return counts(trio.nodes).get('leader.changed') === before.get('leader.changed') ? 0 : 1
    } finally {
      busy.stop()
    }
  } finally {
    await trio.stop()
  }
}

function counts(nodes: readonly Node[]): ReadonlyMap<string, number> {
  const text = nodes.map(({ output }) => output).join('\n')
  return new Map(COUNTED.map((event) => [event, text.split(`"${event}"`).length - 1]))
}

function difference(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): string {
  return COUNTED.map(
    (event) => `${event} ${(after.get(event) ?? 0) - (before.get(event) ?? 0)}`,
  ).join(', ')
}

const told = new Set<string>()

/** Of resignations and lowered priorities, as the nodes' logs have them. */
function newReasons(nodes: readonly Node[]): readonly string[] {
  const lines = nodes.flatMap(({ output }) => output.split('\n'))
  const fresh = lines.filter((line) => /"(leader\.resigned|priority\.\w+)"/.test(line))
  return fresh.filter((line) => !told.has(line) && told.add(line).size > 0)
}

function longestGap(trio: Trio, from: number): number {
  const times = trio
    .answers()
    .map(({ answered }) => answered)
    .filter((at) => at >= from)
  return times.reduce((most, at, place) => Math.max(most, at - (times[place - 1] ?? at)), 0)
}

process.exitCode = await main()
process.exit()
