//! A command by a user who may not read what tells where the system is.

import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeRunFile } from '../../src/config/run-file.ts'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
/** Root reads everything, but for this. */
const AS_OTHERS =
  process.getuid?.() === 0
    ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-all']
    : []

test('it is not told that nothing runs', () => {
  const data = mkdtempSync(join(tmpdir(), 'pbx-not-allowed-'))
  writeRunFile(data, { pid: process.pid, api: 'http://127.0.0.1:1' })
  chmodSync(join(data, 'run.json'), 0)
  const words = [...AS_OTHERS, process.execPath, MAIN, 'status', '--data', data]
  const { status, stderr } = spawnSync('env', words, { encoding: 'utf8' })
  rmSync(data, { recursive: true })
  expect(stderr).toMatch(
    /^pbx: .*run\.json, which tells how to reach pbx, is not for this user: run/,
  )
  expect(status).toBe(1)
})
