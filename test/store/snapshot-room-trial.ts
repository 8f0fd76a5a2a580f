//! Run with a small disk of its own by `snapshot-room.test.ts`: what becomes there of copies of a
//! database that takes more than half of it, a line each. The argument is where the disk is.

import { closeSync, existsSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { LogIndex } from '../../src/raft/entry.ts'
import { WriteConnection } from '../../src/store/database.ts'
import { SnapshotFiles } from '../../src/store/replica/snapshot-files.ts'
import { insertReplica } from '../../src/store/schema/replica.ts'
import { RELEASE } from '../../src/store/schema/schema.ts'
import { openSchema } from '../../src/store/schema/version.ts'

const MIB = 2 ** 20
const DISK = 32 * MIB
const PATIENCE = 5
const [, , directory = ''] = process.argv
const COPY = join(directory, 'snapshot.db')
const OTHER = join(directory, 'other')

const options = { addon: undefined }
const db = WriteConnection.open(join(directory, 'pbx.db'), options)
openSchema(db, RELEASE)
insertReplica(db, 'key check')
db.script('CREATE TABLE large (value BLOB)')
db.run('INSERT INTO large VALUES (randomblob(?))', 8 * MIB)
db.get('PRAGMA wal_checkpoint(TRUNCATE)')
const files = new SnapshotFiles({
  db,
  directory,
  options,
  release: RELEASE,
  chunk: 1_000,
  patience: PATIENCE,
  log: (level, event, { why, mend } = {}) => console.log(`${level} ${event}: ${why}: ${mend}`),
  onFault: (error) => console.log('fault:', error),
})

/** What another program writes, or as much of it as there is room for. */
function fill(size: number): void {
  const file = openSync(OTHER, 'w')
  try {
    writeFileSync(file, Buffer.alloc(size))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
  closeSync(file)
}

function wants(): void {
  files.make(() => ({ voters: [], learners: [] }))
}

async function ticks(times: number, isNeeded: boolean): Promise<void> {
  for (let done = 0; done < times; done++) {
    files.tick(() => isNeeded)
    await turn()
  }
}

async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 10_000 && !isSo(); turns++) await turn()
}

function say(what: string): void {
  const current = files.current() === undefined ? 'no copy' : 'a copy'
  const there = readdirSync(directory).filter((name) => name.startsWith('snapshot'))
  const trouble = files.trouble === undefined ? '' : `, ${files.trouble}`
  console.log(`${what}: ${current}, files ${there.join(' ') || 'none'}${trouble}`)
}

fill(20 * MIB)
wants()
// Nothing is written then.
await until(() => files.trouble !== undefined || existsSync(COPY))
say('no room')
wants()
await ticks(PATIENCE - 1, false)
wants()
say('not before its time')
await ticks(1, false)
say('its time')
rmSync(OTHER)
wants()
await until(() => existsSync(COPY))
fill(DISK)
await until(() => files.trouble !== undefined)
say('filled meanwhile')
rmSync(OTHER)
await ticks(PATIENCE, false)
wants()
await until(() => files.current() !== undefined)
say('room again')
const index = files.current()?.index as LogIndex
await ticks(3 * PATIENCE, true)
say(`needed, ${files.chunk(index, 0)?.length} bytes at a time`)
await ticks(PATIENCE, false)
say('needed no more')
files.close()
db.close()
