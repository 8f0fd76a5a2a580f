//! How long nobody is served: each figure is the longest time between two successes around the
//! fault: two answers to OPTIONS asked every 10 ms, two REGISTERs over new connections, two calls
//! from INVITE to 200, two packets of an established call's sound.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../../cluster/live/owners.ts'
import { Trio } from '../../cluster/live/trio.ts'
import type { Fault } from './faults.ts'
import { MEASURES, Phones } from './phones.ts'
import type { Result, Timing } from './results.ts'

export const PROBE_MS = 10
/** After it all that was measured has happened. */
const LASTS_MS = 5_000
const SETTLE_MS = 1_000
/** The fault is later than what is looked at. */
export const BEFORE_MS = 300

type Gaps = Readonly<Record<string, number>>
type Measured = Pick<Result, 'fault' | 'measure' | 'gaps'>

/** `onFault` gets what was measured of each fault as soon as it was. */
export async function timings(
  timing: Timing,
  faults: readonly Fault[],
  runs: number,
  onFault: (measured: readonly Measured[]) => void,
): Promise<void> {
  const trio = await Trio.start(timing)
  try {
    trio.probe(PROBE_MS)
    const phones = await Phones.start(trio)
    for (const fault of faults) {
      const gaps: Gaps[] = []
      while (gaps.length < runs) {
        gaps.push(await gapsOf(trio, phones, fault))
        console.log(`${gaps.length}/${runs} ${timing} ${fault.name}: ${toldOf(gaps.at(-1) ?? {})}`)
      }
      onFault(measuredOf(fault.name, gaps))
    }
    phones.stop()
  } finally {
    await trio.stop()
  }
}

async function gapsOf(trio: Trio, phones: Phones, fault: Fault): Promise<Gaps> {
  await trio.whole()
  await sleep(SETTLE_MS)
  const leader = await trio.leader()
  const from = Date.now() - BEFORE_MS
  fault.strike(leader)
  await sleep(LASTS_MS)
  const gaps: Record<string, number> = { answer: longestGap(trio.answers(), from) }
  for (const measure of MEASURES) gaps[measure] = phones.gap(measure, from) ?? LASTS_MS
  gaps['sound'] = phones.pause(from) ?? LASTS_MS
  await fault.mend(leader)
  return gaps
}

/** Between two answers, or the last one and now, in milliseconds: since a time before a fault. */
export function longestGap(answers: readonly Answer[], from: number): number {
  const since = answers.map(({ answered }) => answered).filter((at) => at >= from)
  const times = [...since, Date.now()]
  return Math.max(0, ...times.slice(1).map((at, place) => at - (times[place] ?? at)))
}

function toldOf(gaps: Gaps): string {
  return Object.entries(gaps)
    .map(([measure, gap]) => `${measure} ${Math.round(gap)}`)
    .join(', ')
}

function measuredOf(fault: string, runs: readonly Gaps[]): readonly Measured[] {
  return Object.keys(runs[0] ?? {}).map((measure) => ({
    fault,
    measure,
    gaps: runs.map((gaps) => gaps[measure] ?? 0),
  }))
}
