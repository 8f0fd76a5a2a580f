//! DATA/run.json: how the CLI finds the process that runs with a data directory.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigFault } from './data-directory.ts'

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

/** Undefined when nothing runs there. Throws a `ConfigFault` when this user may not know. */
export function readRunFile(data: string): Running | undefined {
  const file = join(data, NAME)
  let running: unknown
  try {
    running = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EACCES' || code === 'EPERM') throw new ConfigFault(notAllowed(file))
    return undefined // missing or torn: there is no one to talk to
  }
  if (typeof running !== 'object' || running === null) return undefined
  if (!('pid' in running) || !('api' in running)) return undefined
  const { pid, api } = running
  return typeof pid === 'number' && typeof api === 'string' ? { pid, api } : undefined
}

function notAllowed(file: string): string {
  const mend = 'run this as root (sudo), or name the system with --api URL --token TOKEN'
  return `${file}, which tells how to reach pbx, is not for this user: ${mend}`
}
