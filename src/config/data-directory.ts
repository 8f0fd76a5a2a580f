//! The data directory: there, ours to write, and in use by nobody else.

import { hash } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { dirname, resolve } from 'node:path'

/** A setting is wrong for this host: the process ends with 2. */
export class ConfigFault extends Error {
  override readonly name = 'ConfigFault'
  readonly exitCode = 2
}

/** Makes it when it is missing. Returns its release: the next process may have it then. */
export async function claimDataDirectory(data: string): Promise<() => void> {
  try {
    makeDirectory(resolve(data))
    if (!statSync(data).isDirectory()) throw new Error('it is no directory')
    accessSync(data, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error)
    throw new ConfigFault(
      `the data directory ${data} cannot be used (${because}): ` +
        `it must be a directory that this user may write; mend that, or name another with --data`,
    )
  }
  const lock = await abstractLock(`pbx-data-${hash('sha256', realpathSync(data))}`)
  if (lock !== undefined) return () => void lock.close()
  throw new ConfigFault(
    `another pbx runs with the data directory ${data}: stop it, or name another with --data`,
  )
}

/** `mkdirSync` with `recursive` never returns where nothing can be made, such as below /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  mkdirSync(path, { mode: 0o750 })
}

/** A socket name that the kernel itself takes back when its owner dies; undefined when taken. */
function abstractLock(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => void socket.destroy())
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(`\0${name}`, () => {
      server.unref()
      resolve(server)
    })
  })
}
