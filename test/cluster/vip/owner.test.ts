//! The owner of an address where there is no nftables: the rest of its duties, and what it says.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const programs = Object.fromEntries(
  ['ip', 'sh', 'setpriv'].map((name) => {
    const { stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' })
    return [name, stdout.trim()]
  }),
)
/** Where /sys has the interfaces of the namespace. */
const OF_ITS_OWN = ['-n', '-m', 'sh', '-c', 'mount -t sysfs none /sys && exec "$0" "$@"']
const can = spawnSync('unshare', [...OF_ITS_OWN, 'ip', 'link']).status === 0

/** With no nft but this script, when it is given. */
function trial(script?: string, ...args: readonly string[]): string {
  return trialAs([], script, ...args)
}

/** By a program that runs the rest of its arguments. */
function trialAs(by: readonly string[], script?: string, ...args: readonly string[]): string {
  const PATH = mkdtempSync(join(tmpdir(), 'pbx-path-'))
  for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(PATH, name))
  if (script !== undefined) writeFileSync(join(PATH, 'nft'), script, { mode: 0o755 })
  const file = `${import.meta.dirname}/owner-trial.ts`
  const command = ['env', `PATH=${PATH}`, ...by, process.execPath, file, ...args]
  const run = spawnSync('unshare', [...OF_ITS_OWN, ...command], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  rmSync(PATH, { recursive: true })
  return run.stdout + run.stderr
}

test.skipIf(!can)('without nft the address moves all the same, with a warning', () => {
  expect(trial()).toBe(`vip.no-gate: sh: 1: exec: nft: not found; \
a node that was stopped for seconds may answer for a moment when it goes on; \
install nftables and restart pbx
prepared: not there
held
leads: there
taken away by hand: there
unfit: v0 is down: see its cable, or ip link set v0 up
fit again
lost
leads no more: not there
held
leads again: there
lost
stopped: not there
`)
})

test.skipIf(!can)('what an earlier life left behind is gone before the gate is made anew', () => {
  // What it says last is why there is no gate.
  const script = `#!/bin/sh
found=$(ip -o addr show dev v0 to 10.77.0.10)
echo "when the gate is made: \${found:-no address}"
exit 1
`
  const [first, ...more] = trial(script, 'prepare').split('\n')
  expect(first).toMatch(/^vip.no-gate: when the gate is made: no address; /)
  expect(more).toEqual(['prepared: not there', ''])
})

test.skipIf(!can)("the host's own addresses stay, also when they came after it", () => {
  const [, ...said] = trial(undefined, 'own').split('\n')
  expect(said).toEqual([
    'prepared: not there',
    'held',
    'a way to 10.77.0.7 dev v0 src 10.77.0.10',
    "the host's own made anew: 10.77.0.10/32 10.77.0.3/24 10.77.0.4/24",
    'lost',
    'leads no more: 10.77.0.3/24 10.77.0.4/24',
    'held',
    "the host's own made anew: 10.77.0.10/32 10.77.0.3/24 10.77.0.4/24",
    'expired: 10.77.0.3/24 10.77.0.4/24',
    '',
  ])
})

test.skipIf(!can)('who was stopped for longer than the lease announces nothing', () => {
  const [, ...said] = trial(undefined, 'stop').split('\n')
  expect(said).toEqual([
    'prepared: not there',
    'held',
    'announced: yes',
    'announced when it goes on: 0 times',
    '',
  ])
})

test.skipIf(!can)('who has not the interface says so before it is elected, and what to do', () => {
  expect(trial(undefined, 'missing')).toContain(
    'unfit: its host has no interface nope0: stop it, and name another with ' +
      'pbx cluster change --interface\n',
  )
})

test.skipIf(!can)('an interface may go by another of its names', () => {
  const [, ...said] = trial(undefined, 'altname').split('\n')
  expect(said).toEqual([
    'prepared: not there',
    'held',
    'leads: there',
    'taken away by hand: there',
    'unfit: v0 is down: see its cable, or ip link set v0 up',
    'lost',
    'unfit: its host has no interface v0: stop it, and name another with ' +
      'pbx cluster change --interface',
    'fit again',
    'held',
    'leads: there',
    'unfit: v2 is down: see its cable, or ip link set v2 up',
    '',
  ])
})

test.skipIf(!can)('a standby knows that it has no interface, and serves on one made anew', () => {
  const [, ...said] = trial(undefined, 'anew').split('\n')
  expect(said).toEqual([
    'prepared: not there',
    'unfit: its host has no interface v0: stop it, and name another with ' +
      'pbx cluster change --interface',
    'fit again',
    'held',
    'leads: there',
    '',
  ])
})

test.skipIf(!can)('an address that was refused is not held because the gate is opened late', () => {
  const [, ...said] = trial(undefined, 'refused').split('\n')
  expect(said.filter((line) => !line.startsWith('unfit: '))).toEqual([
    // The one of IPv4, which this node does not own.
    'prepared: there',
    'lost',
    'leads: not held',
    '',
  ])
})

test.skipIf(!can)(
  'one of two refused, and the kernel does not tell which: it stays as it was',
  () => {
    const [, ...said] = trial(undefined, 'in part').split('\n')
    expect(said.filter((line) => !line.startsWith('unfit: '))).toEqual([
      'prepared: not there',
      'held',
      'warn vip.interfaces-unknown: Error: too many open files',
      'leads: held, there',
      '',
    ])
  },
)

test.skipIf(!can)('what ip waits for is not waited for here', () => {
  const [, ...said] = trial(undefined, 'silent').split('\n')
  expect(said).toEqual([
    'prepared: not there',
    'held',
    'unfit: ip says: ip did not answer within 2000 ms',
    'leads: held',
    '',
  ])
})

/** May not change the interfaces that are there then. */
const MAY_NOT = [
  'sh',
  '-c',
  'ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; exec "$@"',
  'sh',
  'setpriv',
  '--bounding-set',
  '-net_admin',
  '--inh-caps',
  '-net_admin',
]

test.skipIf(!can)('a standby without CAP_NET_ADMIN knows it, and goes on knowing', () => {
  const [, ...said] = trialAs(MAY_NOT, undefined, 'unable').split('\n')
  expect(said.filter((line) => line !== 'held' && line !== 'lost')).toEqual([
    'unfit: it may not move the address: give pbx CAP_NET_ADMIN (config/systemd/cluster.conf) ' +
      'and restart it',
    'prepared: not there',
    'leads: not held',
    '',
  ])
})
