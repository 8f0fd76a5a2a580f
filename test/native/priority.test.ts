//! Who is scheduled how, as the kernel tells: as root, with one right or limit, and with none.

import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { assert } from '../../src/base/assert.ts'
import { buildNative } from '../../src/native/build.ts'

const built = await buildNative()
assert(built.ok, built.ok ? '' : built.error)
const directory = mkdtempSync(join(tmpdir(), 'pbx-priority-'))
afterAll(() => rmSync(directory, { recursive: true }))
chmodSync(directory, 0o755)
const addOn = join(directory, 'add-on.node')
copyFileSync(built.value, addOn)

const OTHER = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
const NOBODY = [...OTHER, '--inh-caps=-all']
const CAPABLE = [...OTHER, '--inh-caps=+sys_nice', '--ambient-caps=+sys_nice']
const limits = (rtprio: number, nice: number): readonly string[] => [
  'prlimit',
  `--rtprio=${rtprio}:${rtprio}`,
  `--nice=${nice}:${nice}`,
]
const can = canRun(CAPABLE)
/** Wants CAP_SYS_RESOURCE. */
const canLimit = can && canRun(limits(1, 35))

function canRun(before: readonly string[]): boolean {
  return spawnSync('env', [...before, 'true']).status === 0
}

function tried(...before: readonly string[]): string {
  const trial = join(import.meta.dirname, 'priority-trial.ts')
  const run = spawnSync('env', [...before, process.execPath, trial, addOn], { encoding: 'utf8' })
  return run.stderr + run.stdout
}

const REAL_TIME = [
  'thread 1: real-time; real-time, nice 0',
  'what it starts: real-time, nice 0',
  'after a long computation: ordinary, nice 0',
  'logged priority.lowered',
  'kept: real-time, nice 0',
  'the main thread: ordinary, nice 0\n',
].join('\n')

test.runIf(can)('root: real-time, bounded, with what it starts and nobody else', () => {
  expect(tried()).toBe(REAL_TIME)
})

test.runIf(can)('the same with CAP_SYS_NICE alone', () => {
  expect(tried(...CAPABLE)).toBe(REAL_TIME)
})

test.runIf(canLimit)('the same with LimitRTPRIO=1 alone', () => {
  expect(tried(...limits(1, 0), ...NOBODY)).toBe(REAL_TIME)
})

test.runIf(canLimit)('where real time is refused it is raised, and what it starts as well', () => {
  // RLIMIT_NICE counts from 20 down: 35 is a nice value of -15.
  expect(tried(...limits(0, 35), ...NOBODY)).toBe(
    [
      'logged priority.weak',
      'thread 1: raised; ordinary, nice -15',
      'what it starts: ordinary, nice -15',
      'after a long computation: ordinary, nice -15',
      'kept: ordinary, nice -15',
      'the main thread: ordinary, nice 0\n',
    ].join('\n'),
  )
})

test.runIf(canRun(NOBODY))(
  'with no right at all it is an ordinary thread, and the log says so',
  () => {
    expect(tried(...limits(0, 0), ...NOBODY)).toContain('logged priority.weak\nthread 1: normal;')
  },
)
