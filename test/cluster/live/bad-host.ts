//! A host with faults below a node: `host.c`, made here, and what a power cut leaves of its disk.

import { execFileSync } from 'node:child_process'
import {
  closeSync,
  ftruncateSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** The library, made in `directory`; undefined where there is no C compiler. */
export function buildBadHost(directory: string): string | undefined {
  const library = join(directory, 'host.so')
  const source = join(import.meta.dirname, 'host.c')
  try {
    execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-o', library, source], { stdio: 'pipe' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  return library
}

export class BadHost {
  readonly #library: string
  readonly #directory: string
  readonly #data: string
  #aheadMs = 0
  #syncMs = 0

  /** `data`: what is on its disk. `directory` is the test's own, and outlives power cuts. */
  constructor(library: string, directory: string, data: string) {
    mkdirSync(directory, { recursive: true })
    this.#library = library
    this.#directory = directory
    this.#data = data
    this.#tell()
  }

  /** Of the process that has the data. */
  get environment(): readonly string[] {
    const names = {
      LD_PRELOAD: this.#library,
      PBX_HOST: this.#directory,
      PBX_HOST_DATA: this.#data,
    }
    return Object.entries(names).map(([name, value]) => `${name}=${value}`)
  }

  /** Before a process starts: what an earlier one left behind is written back by its kernel. */
  writeBack(): void {
    for (const name of readdirSync(this.#data, { recursive: true, encoding: 'utf8' })) {
      const path = join(this.#data, name)
      // A process that is ending may take its files with it.
      if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) continue
      const file = openSync(path, 'r')
      fsyncSync(file)
      closeSync(file)
    }
    writeFileSync(join(this.#directory, 'undo'), '')
  }

  /** From now on its wall clock is so far ahead of ours; behind when below 0. */
  jumpClock(aheadMs: number): void {
    this.#aheadMs = aheadMs
    this.#tell()
  }

  /** From now on each sync takes so much longer. */
  slowDisk(syncMs: number): void {
    this.#syncMs = syncMs
    this.#tell()
  }

  /** Once all its processes are dead: what they had not synced is as it was. How many writes. */
  loseUnsynced(): number {
    const undone = recordsOf(readFileSync(join(this.#directory, 'undo')))
    for (const { path, offset, before, size } of undone) putBack(path, offset, before, size)
    // Maps of shared memory are made anew.
    for (const name of readdirSync(this.#data))
      if (name.endsWith('-shm')) rmSync(join(this.#data, name))
    writeFileSync(join(this.#directory, 'undo'), '')
    return undone.length
  }

  #tell(): void {
    const numbers = new BigInt64Array([
      BigInt(Math.round(this.#aheadMs)) * 1_000_000n,
      BigInt(Math.round(this.#syncMs)) * 1_000n,
    ])
    // In place: who runs has it mapped.
    const file = openSync(join(this.#directory, 'faults'), 'a+')
    closeSync(file)
    const written = openSync(join(this.#directory, 'faults'), 'r+')
    writeSync(written, new Uint8Array(numbers.buffer), 0, 16, 0)
    closeSync(written)
  }
}

type Write = {
  readonly path: string
  readonly inode: bigint
  readonly offset: number
  readonly before: Uint8Array
  readonly size: number
}

const HEAD = 48
const WRITTEN = 1n

/** Those that no sync followed, the last one first. */
function recordsOf(log: Buffer): readonly Write[] {
  let unsynced: Write[] = []
  for (let at = 0; at + HEAD <= log.length;) {
    const field = (place: number): bigint => log.readBigInt64LE(at + place * 8)
    const [kind, inode, offset, length, size] = [0, 1, 2, 3, 4].map(field)
    const pathLength = Number(field(5))
    const path = log.toString('utf8', at + HEAD, at + HEAD + pathLength)
    const begin = at + HEAD + pathLength
    at = begin + Number(length)
    // Killed while it was being written down: the write itself had not begun.
    if (at > log.length) break
    const before = log.subarray(begin, at)
    if (kind === WRITTEN)
      unsynced.push({
        path,
        inode: inode ?? 0n,
        offset: Number(offset),
        before,
        size: Number(size),
      })
    else unsynced = unsynced.filter((write) => write.inode !== inode)
  }
  return unsynced.reverse()
}

/** Of a file that is gone nothing is left to put back. */
function putBack(path: string, offset: number, before: Uint8Array, size: number): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return
  const file = openSync(path, 'r+')
  if (before.length > 0) writeSync(file, before, 0, before.length, offset)
  ftruncateSync(file, size)
  closeSync(file)
}
