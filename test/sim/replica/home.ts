//! The directories of a world's nodes, in memory where there is a file system for that. A node that
//! loses its power begins again in a copy of what had been made to last: the database and its
//! write-ahead log, which is synced at each commit. Everything else may be there, in part, or not.

import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Random } from '../../../src/base/random.ts'
import { openVault } from '../../../src/store/vault.ts'

const IN_MEMORY = '/dev/shm'
const KEY = 'secret.key'
/** Synced by who writes them. */
const LASTING = [KEY, 'pbx.db', 'pbx.db-wal']
const PASSING = ['snapshot.db', 'snapshot-incoming.db']
const TORN_MAX = 6_000

export class Homes {
  readonly #root = mkdtempSync(join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), 'pbx-sim-'))
  #made = 0

  constructor() {
    openVault(this.#root)
    // A run that is ended in the middle leaves nothing behind.
    process.once('exit', this.#clear)
  }

  /** With the key of all. */
  begin(): string {
    const home = this.#make()
    copyFileSync(join(this.#root, KEY), join(home, KEY))
    return home
  }

  /** What is left of `home` when the power goes at this moment. */
  afterPowerLoss(home: string, random: Random): string {
    const left = this.#make()
    for (const name of LASTING) copy(name, home, left)
    for (const name of PASSING) if (random.chance(1, 2)) tear(copy(name, home, left), random)
    const log = join(left, 'pbx.db-wal')
    // Frames that were never synced.
    if (existsSync(log) && random.chance(1, 2))
      appendFileSync(log, new Uint8Array(random.below(TORN_MAX)).fill(0xa5))
    return left
  }

  remove(home: string): void {
    rmSync(home, { recursive: true })
  }

  close(): void {
    process.off('exit', this.#clear)
    this.#clear()
  }

  readonly #clear = (): void => rmSync(this.#root, { recursive: true })

  #make(): string {
    const home = join(this.#root, String(++this.#made))
    mkdirSync(home)
    return home
  }
}

function copy(name: string, from: string, to: string): string {
  const target = join(to, name)
  if (existsSync(join(from, name))) copyFileSync(join(from, name), target)
  return target
}

function tear(file: string, random: Random): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size
  if (size !== undefined) truncateSync(file, random.below(size + 1))
}
