//! The gate in the kernel, in a network namespace of its own.

import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const can = spawnSync('unshare', ['-n', 'nft', 'list', 'tables']).status === 0

const TITLE = 'shut unless pending, then open; what has expired is not renewed: %s'

test.skipIf(!can).each(['10.77.0.10', 'fd00:77::10'])(TITLE, (address) => {
  const trial = `${import.meta.dirname}/gate-trial.ts`
  const run = spawnSync('unshare', ['-n', process.execPath, trial, address], { encoding: 'utf8' })
  expect(run.stdout + run.stderr).toBe(`without a gate the address answers
prepared: done; the address is silent
open what is not pending: refused; the address is silent
renew what is not open: refused; the address is silent
pend: done; the address is silent
open: done; the address answers
renew: done; the address answers
open for a while: true
expired: open for 0; the address is silent
renew what has expired: refused; the address is silent
open what was pending: refused; the address is silent
open once more: done; the address answers
close: done; the address is silent
another life of the process begins shut: done; the address is silent
made anew, 20 times: the address is silent
renew when somebody has flushed all rules: refused; the address answers
close then: done; the address is silent
pend when they are gone: done; the address is silent
open: done; the address answers
renew when nft was killed: refused; the address answers
renew again: done; the address answers
renew when nft is stuck: refused; the address answers
renew again: done; the address answers
`)
})
