//! What was measured, a line each in a file, so that a table can be put together of runs at
//! different times; each says on what commit it was.

import { appendFileSync, existsSync, readFileSync } from 'node:fs'

export type Timing = 'default' | 'fast'

export type Result = {
  readonly commit: string
  /** `Timing`, or whose cluster it was and how it was set. */
  readonly timing: string
  readonly fault: string
  readonly measure: string
  /** Milliseconds, one a run. */
  readonly gaps: readonly (number | null)[]
}

export function keep(file: string, results: readonly Result[]): void {
  for (const result of results) appendFileSync(file, `${JSON.stringify(result)}\n`)
}

/** Of each measure what was measured last. */
export function table(file: string): string {
  if (!existsSync(file)) return ''
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  // Of our own making.
  const results = lines.map((line) => JSON.parse(line) as Result)
  const newest = new Map(results.map((each) => [keyOf(each), each]))
  const rows = [...newest.values()].map(rowOf)
  const head = ['timing', 'fault', 'measure', 'runs', 'median', 'p99', 'most', 'commit']
  return [head, ...rows].map((row) => row.map(padded).join('  ').trimEnd()).join('\n')
}

function keyOf({ timing, fault, measure }: Result): string {
  return `${timing} ${fault} ${measure}`
}

function rowOf({ timing, fault, measure, gaps, commit }: Result): readonly string[] {
  // JSON has no infinity: what never happened is null there.
  const sorted = gaps.map((gap) => gap ?? Infinity).toSorted((a, b) => a - b)
  const told = (gap = 0): string => (gap === Infinity ? 'never' : `${Math.round(gap)} ms`)
  const at = (share: number): string => told(sorted[Math.floor(sorted.length * share)])
  const most = told(sorted.at(-1))
  return [timing, fault, measure, String(gaps.length), at(0.5), at(0.99), most, commit]
}

const WIDTHS = [17, 12, 16, 4, 8, 8, 8, 8]

function padded(cell: string, column: number): string {
  return cell.padEnd(WIDTHS[column] ?? 0)
}
