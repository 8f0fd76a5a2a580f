//! The simulation finds what it is there to find: each planted bug, in a copy of the sources.

import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PLANTED, type Planted } from './planted.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
/** The rarest of them shows in one seed of some tens. */
const SEEDS = 400

test.each(PLANTED)('finds: $name', { timeout: 300_000 }, async (planted) => {
  const found = await search(planted)
  expect(found).toMatch(/FAILED: seed \d+/)
})

async function search(planted: Planted): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-planted-'))
  try {
    for (const part of [
      'src/base',
      'src/raft',
      'src/cluster/vip',
      'test/raft',
      'test/harness',
      'test/sim/raft',
      'package.json',
    ])
      cpSync(join(ROOT, part), join(directory, part), { recursive: true })
    plant(directory, planted)
    return await simulated(directory)
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

function simulated(directory: string): Promise<string> {
  const program = join(directory, 'test/sim/raft/main.ts')
  return new Promise((resolve) => {
    execFile(process.execPath, [program, `--seeds=${SEEDS}`], (_, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })
}
