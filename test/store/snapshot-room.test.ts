//! A copy for a follower on a disk that has no room for it: this node goes on without.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const disk = mkdtempSync(join(tmpdir(), 'pbx-disk-'))
afterAll(() => rmSync(disk, { recursive: true }))
const MOUNT = 'mount -t tmpfs -o size=32m none "$0"'
const can = spawnSync('unshare', ['-m', 'sh', '-c', MOUNT, disk]).status === 0

test.skipIf(!can)('without room for a copy the leader goes on, and tries again later', () => {
  const trial = `${import.meta.dirname}/snapshot-room-trial.ts`
  const command = `${MOUNT} && exec "$1" "$2" "$0"`
  const args = ['-m', 'sh', '-c', command, disk, process.execPath, trial]
  const run = spawnSync('unshare', args, { encoding: 'utf8', timeout: 30_000 })
  expect((run.stdout + run.stderr).replaceAll(disk, 'DISK')).toBe(
    `error snapshot.no-room: no room: 10 MiB are needed in DISK: free some there
no room: no copy, files none, no room: 10 MiB are needed in DISK
not before its time: no copy, files none, no room: 10 MiB are needed in DISK
its time: no copy, files none
error snapshot.no-room: no room: 10 MiB are needed in DISK: free some there
filled meanwhile: no copy, files none, no room: 10 MiB are needed in DISK
room again: a copy, files snapshot.db snapshot.db-shm snapshot.db-wal
needed, 1000 bytes at a time: a copy, files snapshot.db snapshot.db-shm snapshot.db-wal
needed no more: no copy, files none
`,
  )
})
