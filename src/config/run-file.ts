//! DATA/run.json: how the CLI finds the process that runs with a data directory.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Running = {
  readonly pid: number
  /** URL of the API, reachable from this machine. */
  readonly api: string
}

const NAME = 'run.json'

export function writeRunFile(data: string, running: Running): void {
  const file = join(data, NAME)
  writeFileSync(`${file}.new`, `${JSON.stringify(running)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

export function removeRunFile(data: string): void {
  rmSync(join(data, NAME), { force: true })
}

/** Undefined when nothing runs there, or nothing that can be read. */
export function readRunFile(data: string): Running | undefined {
  let running: unknown
  try {
    running = JSON.parse(readFileSync(join(data, NAME), 'utf8'))
  } catch {
    return undefined // missing, not ours to read, or torn: in each case there is no one to talk to
  }
  if (typeof running !== 'object' || running === null) return undefined
  if (!('pid' in running) || !('api' in running)) return undefined
  const { pid, api } = running
  return typeof pid === 'number' && typeof api === 'string' ? { pid, api } : undefined
}
