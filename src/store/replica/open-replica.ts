//! Opens the files of a replica: takes the directory for this process alone, brings the tables up
//! to date, checks that the key belongs to them.

import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { WriteConnection, type ConnectionOptions } from '../database.ts'
import { faultOf, StoreFault } from '../errors.ts'
import { insertReplica, replicaRow } from '../schema/replica.ts'
import { migrate } from '../schema/schema.ts'
import type { LogIndex } from '../store.ts'
import { openVault, type Vault } from '../vault.ts'
import { LocalLog } from './log.ts'
import { Replica } from './replica.ts'

export const DATABASE = 'pbx.db'
const LOCK = 'lock'

export type OpenReplica = {
  readonly replica: Replica
  readonly close: () => void
}

export function openReplica(directory: string, options: ConnectionOptions): OpenReplica {
  if (!isDirectory(directory)) {
    const message = `${directory} is not a directory: make it, or name another with --data`
    throw new StoreFault('data-unusable', message)
  }
  const unlock = lock(directory, options)
  const file = join(directory, DATABASE)
  try {
    const keyExists = existsSync(join(directory, 'secret.key'))
    if (existsSync(file) && !keyExists) throw keyMissing(directory)
    const vault = openVault(directory)
    makePrivate(file)
    const db = WriteConnection.open(file, options)
    migrate(db)
    const applied = ownRow(db, vault, directory)
    const replica = new Replica(db, vault, new LocalLog(applied), applied)
    const close = (): void => {
      db.close()
      unlock()
    }
    return { replica, close }
  } catch (error) {
    unlock()
    throw faultOf(error, file)
  }
}

/** Its own user's only, and with it the files that SQLite puts beside it. */
function makePrivate(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/**
 * A lock of the kernel's, held through a SQLite file of its own, so that it is gone with the
 * process however that ends.
 */
function lock(directory: string, options: ConnectionOptions): () => void {
  const file = join(directory, LOCK)
  try {
    const held = WriteConnection.openLock(file, options)
    return () => held.close()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') {
      const mend = 'stop it, or name another directory with --data'
      throw new StoreFault('data-in-use', `another pbx is running on ${directory}: ${mend}`, error)
    }
    throw faultOf(error, file)
  }
}

function ownRow(db: WriteConnection, vault: Vault, directory: string): LogIndex {
  const check = Buffer.from(vault.derive('key check')).toString('hex')
  const row = replicaRow(db)
  if (row === undefined) db.transaction(() => insertReplica(db, check))
  else if (row.keyCheck !== check) throw wrongKey(directory)
  return row?.appliedIndex ?? (0 as LogIndex)
}

function keyMissing(directory: string): StoreFault {
  const message = `${directory} has a database but no secret.key: restore the key from a backup`
  return new StoreFault('key-unusable', message)
}

function wrongKey(directory: string): StoreFault {
  const mend = 'restore both from the same backup'
  const message = `secret.key in ${directory} is not that of the database beside it: ${mend}`
  return new StoreFault('key-unusable', message)
}
