//! Every check there is, in order of cost, then one honest sum as the last line: a failing static
//! check is a failed test, a file that cannot be loaded is one too, a skipped test is not a pass.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { ensureSystemPackages } from './system-packages.ts'

type Tally = { passed: number; failed: number }

const ROOT = join(import.meta.dirname, '..')
const REPORT = join(ROOT, '.cache', 'vitest.json')
const only = process.argv.slice(2)
const tally: Tally = { passed: 0, failed: 0 }

process.chdir(ROOT)
if (only.length === 0) {
  count('system packages', ensureSystemPackages())
  count('tidy', node(['scripts/tidy.ts']))
  count('format', bin('oxfmt', ['--check', '.']))
  count('types', bin('tsc', ['--noEmit', '-p', '.']))
  count('lint', bin('oxlint', []))
  count('unused code', bin('knip', []))
}
vitest(only)
console.log(`\n${tally.passed} passed, ${tally.failed} failed`)
process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1

function count(name: string, passed: boolean): void {
  if (passed) tally.passed++
  else tally.failed++
  console.log(`${passed ? 'ok' : 'not ok'} - ${name}`)
}

function bin(name: string, args: readonly string[]): boolean {
  return node([join('node_modules', '.bin', name), ...args])
}

/** Under the pinned Node, and with it first on the path for whatever the tool starts itself. */
function node(args: readonly string[]): boolean {
  const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`
  const env = { ...process.env, PATH: path }
  return spawnSync(process.execPath, args, { stdio: 'inherit', env }).status === 0
}

function vitest(paths: readonly string[]): void {
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  rmSync(REPORT, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`]
  const passed = bin('vitest', ['run', '--config', 'test/vitest.config.ts', ...reporters, ...paths])
  if (!existsSync(REPORT)) return count('vitest wrote its report', false)
  const report: unknown = JSON.parse(readFileSync(REPORT, 'utf8'))
  const before = tally.failed
  tally.passed += numberAt(report, 'numPassedTests')
  tally.failed += numberAt(report, 'numFailedTests') + unloadable(report)
  for (const name of skipped(report)) console.log(`not run - ${name}`)
  if (!passed && tally.failed === before) count('vitest ended without errors', false)
}

/** Names of tests that could not run here, or were not asked for. */
function skipped(report: unknown): readonly string[] {
  const files: unknown = isRecord(report) ? report['testResults'] : undefined
  if (!Array.isArray(files)) return []
  const tests = files.flatMap((file: unknown): unknown =>
    isRecord(file) ? file['assertionResults'] : [],
  )
  return tests
    .filter(isRecord)
    .filter(({ status }) => status === 'skipped' || status === 'pending')
    .map((each) => String(each['fullName']).trim())
}

/** Test files that failed before any of their tests could be counted. */
function unloadable(report: unknown): number {
  const files: unknown = isRecord(report) ? report['testResults'] : undefined
  if (!Array.isArray(files)) return 1
  return files.filter((file: unknown) => {
    if (!isRecord(file) || file['status'] !== 'failed') return false
    const tests: unknown = file['assertionResults']
    const failed = (each: unknown): boolean => isRecord(each) && each['status'] === 'failed'
    return !Array.isArray(tests) || !tests.some(failed)
  }).length
}

function numberAt(report: unknown, key: string): number {
  const value: unknown = isRecord(report) ? report[key] : undefined
  return typeof value === 'number' ? value : 0
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
