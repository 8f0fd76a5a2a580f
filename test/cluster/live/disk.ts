//! A small disk for a node's data: a file system of its own in a file, or in memory where there are
//! no loop devices. In a mount namespace of the tests, so that nothing of it outlives them.

import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const SIZE = '384M'
const FILLER = 'filler'

export type Disk = {
  readonly kind: 'file' | 'memory'
  /** Until nothing more can be written. */
  readonly fill: () => void
  readonly empty: () => void
  readonly remove: () => void
}

export function mountDisk(at: string): Disk {
  mkdirSync(at, { recursive: true })
  const kind = mountedFile(at) ? 'file' : 'memory'
  if (kind === 'memory') run('mount', '-t', 'tmpfs', '-o', `size=${SIZE}`, 'none', at)
  const filler = join(at, FILLER)
  return {
    kind,
    fill: () => fill(at, filler),
    empty: () => rmSync(filler, { force: true }),
    remove: () => run('umount', '--lazy', at),
  }
}

function mountedFile(at: string): boolean {
  const image = `${at}.img`
  try {
    run('truncate', '-s', SIZE, image)
    run('mkfs.ext4', '-q', '-m', '0', image)
    run('mount', '-o', 'loop', image, at)
    return true
  } catch {
    return false // no mkfs or no loop devices here: said by `kind`
  }
}

function fill(at: string, filler: string): void {
  const { bavail, bsize } = statfsSync(at)
  try {
    run('fallocate', '-l', String(bavail * bsize), filler)
  } catch {
    // Some of it is the file system's own: what is left is written below.
  }
  const file = openSync(filler, 'a')
  const piece = Buffer.alloc(1 << 16)
  try {
    for (;;) writeSync(file, piece)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
