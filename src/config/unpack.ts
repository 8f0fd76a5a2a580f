//! Files out of the single executable: named by the hash of what they hold, in a directory that
//! nobody else can write to, so that nobody else's code is ever loaded.

import { hash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { extname, join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** systemd's CacheDirectory=, the user's cache, else a directory of ours in /tmp. */
export function cacheDirectory(environment: Environment): string {
  const [systemd] = (environment['CACHE_DIRECTORY'] ?? '').split(':')
  const home = ownHome()
  const candidates: readonly (string | undefined)[] = [
    systemd,
    environment['XDG_CACHE_HOME'],
    home === '/' || home === '' ? undefined : join(home, '.cache'),
    tmpdir(),
  ].filter((each) => each?.startsWith('/') === true)
  const reasons: string[] = []
  for (const base of candidates) {
    if (base === undefined) continue
    const directory = join(base, `pbx-${process.getuid?.() ?? 'user'}`)
    const reason = makePrivate(directory)
    if (reason === undefined) return directory
    reasons.push(reason)
  }
  throw new Error(`no directory to unpack into (${reasons.join('; ')}): set XDG_CACHE_HOME to one`)
}

/** Undefined when the directory is ours alone; else why it cannot be used. */
function makePrivate(directory: string): string | undefined {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const about = lstatSync(directory)
    if (!about.isDirectory()) return `${directory} is no directory`
    if (about.uid !== process.getuid?.()) return `${directory} belongs to someone else`
    if ((about.mode & 0o077) !== 0) chmodSync(directory, 0o700)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error) // the next candidate may do
  }
}

/** The path of a file that holds exactly these bytes. */
export function unpack(directory: string, name: string, bytes: Uint8Array): string {
  const digest = hash('sha256', bytes, 'hex')
  const extension = extname(name)
  const path = join(directory, `${name.slice(0, -extension.length)}-${digest}${extension}`)
  if (holds(path, digest)) return path
  const fresh = `${path}.${process.pid}`
  writeFileSync(fresh, bytes, { mode: 0o600, flag: 'wx' })
  renameSync(fresh, path)
  return path
}

function holds(path: string, digest: string): boolean {
  try {
    return lstatSync(path).isFile() && hash('sha256', readFileSync(path), 'hex') === digest
  } catch {
    return false // not there yet, or not readable: it is written anew
  }
}

/** '' of a user that nobody has told this system of, such as systemd's dynamic ones. */
function ownHome(): string {
  try {
    return homedir()
  } catch {
    return '' // the other candidates are asked
  }
}
