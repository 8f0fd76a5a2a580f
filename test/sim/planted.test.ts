//! The simulation and the scripts find what they are there to find: each planted bug, in a copy of
//! the sources.

import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Kind } from './kinds.ts'
import {
  BY_CALL_WORLDS,
  BY_RAFT_WORLDS,
  BY_REPLICA_WORLDS,
  BY_SCRIPTS,
  type Planted,
} from './planted.ts'

const ROOT = join(import.meta.dirname, '..', '..')
/** The rarest of those that worlds find shows in one of some hundreds. */
const SEEDS: Readonly<Record<Kind, number>> = { raft: 1_500, replica: 200, calls: 60 }

const WORLDS = [
  ...BY_RAFT_WORLDS.map((planted) => ({ ...planted, kind: 'raft' as const })),
  ...BY_REPLICA_WORLDS.map((planted) => ({ ...planted, kind: 'replica' as const })),
  ...BY_CALL_WORLDS.map((planted) => ({ ...planted, kind: 'calls' as const })),
]

test.each(WORLDS)(
  '$kind worlds find: $name',
  { timeout: 300_000 },
  async ({ kind, ...planted }) => {
    const worlds = ['test/sim/main.ts', `--kind=${kind}`, `--seeds=${SEEDS[kind]}`]
    const said = await inCopy(planted, worlds)
    expect(said).toMatch(/FAILED: \w+, seed \d+/)
  },
)

test.each(BY_SCRIPTS)(
  'scripts find: $name',
  { timeout: 300_000 },
  async ({ script, ...planted }) => {
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts']
    const said = await inCopy(planted, [...vitest, script])
    expect(said).toMatch(/FAIL .*\.txt/)
  },
)

/** What `program` says there. */
async function inCopy(planted: Planted, program: readonly string[]): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-planted-'))
  try {
    for (const part of ['src', 'roles', 'test', 'package.json'])
      cpSync(join(ROOT, part), join(directory, part), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
    plant(directory, planted)
    return await output(directory, program)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function plant(directory: string, { file, find, replace }: Planted): void {
  const path = join(directory, file)
  const source = readFileSync(path, 'utf8')
  expect(source.split(find), `${file} has the line once`).toHaveLength(2)
  writeFileSync(
    path,
    source.replace(find, () => replace),
  )
}

function output(cwd: string, program: readonly string[]): Promise<string> {
  const env = { ...process.env, NO_COLOR: '1' }
  return new Promise((resolve) => {
    execFile(process.execPath, program, { cwd, env }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })
}
