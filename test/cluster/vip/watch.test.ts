//! What is read off `ip monitor`, and the monitor itself in a network namespace of its own.

import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { seenIn } from '../../../src/cluster/vip/watch.ts'

const can = spawnSync('unshare', ['-n', 'ip', '-o', 'link']).status === 0
const ETHER = 'mtu 1500 qdisc noqueue state UP group default \\    link/ether 3a:74:e3:8b:71:61'
const DOWN = { kind: 'link', isUp: false }
const UP = { kind: 'link', isUp: true }

test.each([
  [
    'Deleted 3: eth0    inet 10.7.0.1/24 scope global dynamic eth0\\       valid_lft 3sec',
    { kind: 'removed', address: '10.7.0.1' },
  ],
  [
    'Deleted 3: eth0    inet6 fd01::10/64 scope global nodad dynamic \\       valid_lft 3sec',
    { kind: 'removed', address: 'fd01::10' },
  ],
  ['3: eth0    inet 10.7.0.1/24 scope global dynamic eth0\\       valid_lft 3sec', undefined],
  ['Deleted 4: eth1    inet 10.7.0.1/24 scope global eth1\\       valid_lft forever', undefined],
  [`3: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> ${ETHER}`, UP],
  [`3: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> ${ETHER}`, UP],
  [`3: eth0@if7: <NO-CARRIER,BROADCAST,MULTICAST,UP> ${ETHER}`, DOWN],
  [`3: eth0@if7: <NO-CARRIER,BROADCAST,MULTICAST,UP,LOWER_UP> ${ETHER}`, DOWN],
  [`3: eth0: <BROADCAST,MULTICAST> ${ETHER}`, DOWN],
  [`Deleted 3: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> ${ETHER}`, DOWN],
  [`4: eth00: <BROADCAST,MULTICAST> ${ETHER}`, undefined],
  ['', undefined],
])('%s', (line, seen) => {
  expect(seenIn(line, 'eth0')).toEqual(seen)
})

test.skipIf(!can)('it is told as it happens, also after the monitor was killed', () => {
  const trial = `${import.meta.dirname}/watch-trial.ts`
  const limited = ['sh', '-c', 'ulimit -n 200; mount -t sysfs none /sys; exec "$0" "$@"']
  const run = spawnSync('unshare', ['-n', '-m', ...limited, process.execPath, trial], {
    encoding: 'utf8',
  })
  expect(run.stdout + run.stderr).toBe(`new: link down; down when looked at
up: link up; up when looked at
address taken: removed 10.7.0.1; up when looked at
down: link down; down when looked at
vip.watch-ended: ip monitor ended with 0
vip.watch-ended: spawn sh EMFILE
up again: link up; up when looked at
gone: link down; not known
stopped: it has ended
killed: it has ended
`)
})
