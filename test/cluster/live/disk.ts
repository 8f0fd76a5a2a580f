//! A small disk for a node's data: a file system of its own in a file, or in memory where there are
//! no loop devices. In a mount namespace of the tests, so that nothing of it outlives them.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DATABASE } from '../../../src/store/replica/open-replica.ts'

const SIZE = '384M'
const FILLER = 'filler'
const READER = join(import.meta.dirname, 'read-on.ts')

export type Disk = {
  readonly kind: 'file' | 'memory'
  /**
   * Until nothing more can be written, nor pages of the database's log used again: what is left of
   * that is soon used up, and the next commit fails.
   */
  readonly fill: () => Promise<void>
  readonly empty: () => void
  readonly remove: () => void
}

export function mountDisk(at: string): Disk {
  mkdirSync(at, { recursive: true })
  const kind = mountedFile(at) ? 'file' : 'memory'
  if (kind === 'memory') run('mount', '-t', 'tmpfs', '-o', `size=${SIZE}`, 'none', at)
  const filler = join(at, FILLER)
  let endReading = (): void => {}
  const empty = (): void => {
    endReading()
    rmSync(filler, { force: true })
  }
  return {
    kind,
    async fill() {
      endReading()
      endReading = await readOn(join(at, DATABASE))
      fill(at, filler)
    },
    empty,
    remove() {
      empty()
      run('umount', '--lazy', at)
    },
  }
}

/** In a process of its own: closing any other file of this one would end its locks. */
async function readOn(file: string): Promise<() => void> {
  const child = spawn(process.execPath, [READER, file], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close').then(([code]) => {
    throw new Error(`the reader of ${file} has ended with ${String(code)}`)
  })
  await Promise.race([once(child.stdout, 'data'), ended])
  ended.catch(() => {}) // told to
  return () => child.stdin.end()
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
