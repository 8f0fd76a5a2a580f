//! `ip` as a program that stays, in a network namespace of its own.

import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const can = spawnSync('unshare', ['-n', 'ip', 'link']).status === 0

test.skipIf(!can)('what ip is told it does, and says why not', () => {
  const trial = `${import.meta.dirname}/resident-trial.ts`
  const limited = ['-n', 'sh', '-c', 'ulimit -n 200; exec "$0" "$@"', process.execPath, trial]
  const run = spawnSync('unshare', limited, { encoding: 'utf8' })
  expect(run.stdout + run.stderr).toBe(`two addresses: done; 10.77.0.10 fd00:77::10
again: done; 10.77.0.10 fd00:77::10
taken away: done; none
taken away once more: refused: Error: ipv4: Address not found.
of two that are not there one is elsewhere: refused: Cannot find device "nosuch"
of two lines one: refused: Cannot find device "nosuch"; 10.77.0.10
another, which knows what there is now: done; 10.77.0.10
when it was killed: gone; 10.77.0.10
the next: done; none
2,000 at once: done
too many open files: spawn sh EMFILE
and own addresses: not known
fewer: done
a program that is not there: gone: sh: 1: exec: pbx-no-such-program: not found
nft that may do nothing: refused: Operation not permitted (you must be root)
`)
})
