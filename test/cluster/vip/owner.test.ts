//! The owner of an address where there is no nftables: the rest of its duties, and what it says.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const [ip, sh] = ['ip', 'sh'].map((name) =>
  spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim(),
)
const can = spawnSync('unshare', ['-n', 'ip', 'link']).status === 0

test.skipIf(!can)('without nft the address moves all the same, with a warning', () => {
  const PATH = mkdtempSync(join(tmpdir(), 'pbx-path-'))
  for (const [name, path] of Object.entries({ ip, sh })) symlinkSync(path ?? '', join(PATH, name))
  const trial = `${import.meta.dirname}/owner-trial.ts`
  const run = spawnSync('unshare', ['-n', 'env', `PATH=${PATH}`, process.execPath, trial], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  rmSync(PATH, { recursive: true })
  expect(run.stdout + run.stderr).toBe(`vip.no-gate: sh: 1: exec: nft: not found; \
a node that was stopped for seconds may answer for a moment when it goes on; \
install nftables and give pbx CAP_NET_ADMIN
prepared: not there
held
leads: there
taken away by hand: there
unfit: v0 is down
fit again
lost
leads no more: not there
held
leads again: there
lost
stopped: not there
`)
})
