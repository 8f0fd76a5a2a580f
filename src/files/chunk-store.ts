//! Chunks of files on this host's disk, each in a file named by its digest: what has that name is
//! whole, or it is not believed.

import { hash, randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Bytes. */
export const CHUNK_MAX = 1 << 20
const DIGEST = /^[0-9a-f]{64}$/

export function digestOf(data: Uint8Array): string {
  return hash('sha256', data)
}

export class ChunkStore {
  readonly #directory: string

  /** `DATA/files`, made when it is missing. */
  constructor(data: string) {
    this.#directory = join(data, 'files')
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
  }

  async all(): Promise<readonly string[]> {
    return (await readdir(this.#directory)).filter((name) => DIGEST.test(name))
  }

  /** On disk when this resolves. */
  async put(digest: string, data: Uint8Array): Promise<void> {
    const fresh = join(this.#directory, `new-${randomBytes(8).toString('hex')}`)
    const file = await open(fresh, 'wx', 0o600)
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(fresh, this.#path(digest))
    const directory = await open(this.#directory, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }

  /** Whole and right; undefined when it is not here. One that is damaged is taken away. */
  async get(digest: string): Promise<Uint8Array | undefined> {
    const data = await this.#read(digest)
    if (data === undefined || digestOf(data) === digest) return data
    await this.remove(digest)
    return undefined
  }

  /** Some of it as it is on disk, and how long it is; undefined when it is not here. */
  async piece(
    digest: string,
    offset: number,
    length: number,
  ): Promise<{ readonly data: Uint8Array; readonly size: number } | undefined> {
    const file = await open(this.#path(digest), 'r').catch(undefinedWhenAbsent)
    if (file === undefined) return undefined
    try {
      const { size } = await file.stat()
      const data = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
      await file.read(data, 0, data.length, offset)
      return { data, size }
    } finally {
      await file.close()
    }
  }

  async has(digest: string): Promise<boolean> {
    return (await this.#age(digest)) !== undefined
  }

  async remove(digest: string): Promise<void> {
    await rm(this.#path(digest), { force: true })
  }

  /**
   * What no file has goes, when it is older than `graceMs`: one may be about to be put. So does
   * what was half written when a process died.
   */
  async collect(inUse: ReadonlySet<string>, graceMs: number): Promise<number> {
    let removed = 0
    for (const digest of await readdir(this.#directory)) {
      if (inUse.has(digest) || ((await this.#age(digest)) ?? 0) < graceMs) continue
      await this.remove(digest)
      removed++
    }
    return removed
  }

  async #age(digest: string): Promise<number | undefined> {
    const about = await stat(this.#path(digest)).catch(undefinedWhenAbsent)
    return about === undefined ? undefined : Date.now() - about.mtimeMs
  }

  #read(digest: string): Promise<Uint8Array | undefined> {
    return readFile(this.#path(digest)).catch(undefinedWhenAbsent)
  }

  #path(digest: string): string {
    return join(this.#directory, digest)
  }
}

function undefinedWhenAbsent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
