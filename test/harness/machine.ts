//! What the machine gives. On one that others share, a hypervisor may give the CPU to somebody else
//! ("steal"), and others fill the cache that all cores have in common: a figure without these two
//! says little.

import { readFileSync } from 'node:fs'
import { seededRandom } from '../../src/base/random.ts'

/** In ticks since the machine began. */
export type CpuTime = { readonly used: number; readonly stolen: number }

/** Of one CPU, or of all of them. */
export function cpuTime(cpu?: string): CpuTime {
  const name = `cpu${cpu ?? ''}`
  const lines = readFileSync('/proc/stat', 'utf8').split('\n')
  const fields = lines.find((line) => line.startsWith(`${name} `))?.split(/\s+/) ?? []
  // proc(5): user nice system idle iowait irq softirq steal
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = fields
    .slice(1)
    .map(Number)
  return { used: user + nice + system + irq + softirq, stolen }
}

/** The share of the CPU time that was wanted since then and went to others, 0 to 1. */
export function withheldSince(before: CpuTime, now: CpuTime): number {
  const stolen = now.stolen - before.stolen
  const wanted = now.used - before.used + stolen
  return wanted === 0 ? 0 : stolen / wanted
}

const WORDS = (8 << 20) / 4
const LINE = 16
const STEPS = 200_000
let chain: Int32Array | undefined

/**
 * Nanoseconds for a read that misses the core's own cache: 15 to 40 from a shared cache that is
 * free, as many as memory takes from one that others have filled.
 */
export function memoryLatency(): number {
  chain ??= scattered()
  let at = 0
  const began = process.hrtime.bigint()
  for (let step = 0; step < STEPS; step++) at = chain[at] ?? 0
  const took = Number(process.hrtime.bigint() - began)
  return at < 0 ? 0 : took / STEPS
}

/** One round trip through all cache lines, in no order that could be guessed. */
function scattered(): Int32Array {
  const words = new Int32Array(WORDS)
  const lines = Array.from({ length: WORDS / LINE }, (_, line) => line)
  const random = seededRandom(1)
  for (let left = lines.length - 1; left > 0; left--) {
    const other = random.below(left + 1)
    const [a = 0, b = 0] = [lines[left], lines[other]]
    lines[left] = b
    lines[other] = a
  }
  for (const [place, line] of lines.entries())
    words[line * LINE] = (lines[(place + 1) % lines.length] ?? 0) * LINE
  return words
}
