//! When the disk of a node is too slow for it to lead.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { DiskWatch } from '../../src/cluster/disk-watch.ts'

const LEASE = millis(400)
const at = (seconds: number) => millis(seconds * 1_000)

/** Ten of a millisecond, one a second. */
function commitWell(disk: DiskWatch, from: number): void {
  for (let second = from; second < from + 10; second++) disk.committed(millis(1), at(second))
}

test('one commit as long as a lease is an accident, two within ten seconds are not', () => {
  const disk = new DiskWatch(LEASE)
  disk.committed(millis(900), at(100))
  expect(disk.slow).toBeUndefined()
  disk.committed(millis(900), at(111))
  expect(disk.slow).toBeUndefined()
  disk.committed(millis(399), at(112))
  expect(disk.slow).toBeUndefined()
  disk.committed(millis(512.4), at(120.9))
  expect(disk.slow).toBe('its disk took 512 ms to commit')
})

test('it is slow until it has done well for a minute', () => {
  const disk = new DiskWatch(LEASE)
  disk.committed(millis(500), at(100))
  disk.committed(millis(500), at(101))
  commitWell(disk, 102)
  commitWell(disk, 150)
  expect(disk.slow).toBe('its disk took 500 ms to commit')
  disk.committed(millis(1), at(161))
  expect(disk.slow).toBeUndefined()
})

test('a minute with nothing to do shows nothing, and one bad commit begins it anew', () => {
  const disk = new DiskWatch(LEASE)
  disk.committed(millis(500), at(100))
  disk.committed(millis(500), at(101))
  disk.committed(millis(1), at(200))
  expect(disk.slow).toBeDefined()
  commitWell(disk, 201)
  expect(disk.slow).toBeUndefined()
  disk.committed(millis(500), at(300))
  disk.committed(millis(600), at(301))
  disk.committed(millis(700), at(350))
  commitWell(disk, 370)
  expect(disk.slow).toBe('its disk took 700 ms to commit')
  commitWell(disk, 411)
  expect(disk.slow).toBeUndefined()
})
