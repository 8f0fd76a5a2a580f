//! Files that nobody else may read, and that are there whole or not at all.

import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** Into a directory of `data`, in this order: the last one may say that all are there. */
export function writePrivately(
  data: string,
  name: string,
  files: readonly (readonly [name: string, text: string])[],
): void {
  const directory = privateDirectory(data, name)
  for (const [each, text] of files) writeWhole(data, join(directory, each), text)
}

/** Below `data`. When it throws nothing has changed. */
export function writeWhole(data: string, file: string, content: string | Uint8Array): void {
  const next = `${file}.new`
  try {
    writeFileSync(next, content, { mode: 0o600, flush: true })
    keepOwner(data, next)
    renameSync(next, file)
  } catch (error) {
    rmSync(next, { force: true })
    throw error
  }
}

/** As `decode` finds it there; throws what `fault` makes of the reason when it cannot. */
export function readPrivately<T>(
  data: string,
  name: string,
  decode: (read: (file: string) => string) => T,
  fault: (why: string) => Error,
): T {
  const directory = join(data, name)
  try {
    return decode((file) => readFileSync(join(directory, file), 'utf8'))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw fault(`${directory} cannot be read (${why})`)
  }
}

/** Of `data`, whether or not it is there yet; its path. */
export function privateDirectory(data: string, name: string): string {
  const directory = join(data, name)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  keepOwner(data, directory)
  return directory
}

/** What root writes into the directory of a service is the service's. */
export function keepOwner(data: string, path: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(data)
  chownSync(path, uid, gid)
}
