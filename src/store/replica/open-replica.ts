//! Opens the files of a replica: takes the directory for this process alone, makes the tables that
//! there are not, checks that the key belongs to them.

import { closeSync, existsSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { randomInt } from 'node:crypto'
import type { Log } from '../../base/host.ts'
import { randomFrom, type Random } from '../../base/random.ts'
import { logIndex, term, type LogIndex, type NodeId } from '../../raft/entry.ts'
import type { Membership } from '../../raft/membership.ts'
import type { RaftOptions } from '../../raft/options.ts'
import { Raft } from '../../raft/raft.ts'
import { WriteConnection, type ConnectionOptions } from '../database.ts'
import { faultOf, StoreFault } from '../errors.ts'
import { insertRaft, raftRow, type LogBase } from '../schema/raft.ts'
import { divergedOf, insertReplica, replicaRow } from '../schema/replica.ts'
import { RELEASE } from '../schema/schema.ts'
import { openSchema, type Release } from '../schema/version.ts'
import { openVault, type Vault } from '../vault.ts'
import { KEPT, type Kept } from './compaction.ts'
import type { ReplicaDatabase } from './database.ts'
import { SqliteLogStorage } from './log-storage.ts'
import { Replica, type ReplicaParts } from './replica.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import { StateDigest } from './state-digest.ts'

export const DATABASE = 'pbx.db'
const LOCK = 'lock'

export type OpenReplica = {
  readonly replica: Replica
  readonly close: () => void
}

/** The first of a group; those that join later are given other names. */
const FIRST = 'node-1' as NodeId
/** In ticks of 10 ms: heartbeats every 100 ms, elections after 900 to 1,300. */
export const TIMING: Timing = { heartbeatTicks: 10, electionMinTicks: 90, electionMaxTicks: 130 }
const CHUNK = 256 * 1024
const PATIENCE = 3_000
/** A comparison is one more entry. */
const COMPARE_EVERY = 1_000
const BOUNDS: Bounds = {
  bytesPerMessage: 1 << 20,
  inflightMax: 64,
  silentTicks: 3_000,
  // Measured: 17 to 32 s for a million call records.
  takeOverTicks: 60_000,
  uncommittedMax: 100_000,
}

export type ReplicaOptions = ConnectionOptions & {
  /** Of a simulation: what its disk does to the database. */
  readonly through?: (db: WriteConnection) => ReplicaDatabase
  /** Of a test: another than this one. */
  readonly release?: Release
}

/** What a replica tells. */
export type ReplicaHost = Pick<ReplicaParts, 'onOutcomes' | 'send' | 'onRound' | 'knows'> & {
  readonly log?: Log
  /** Outside of any call: making a snapshot has shown that the database is at fault. */
  readonly onFault: (error: unknown) => void
}

export type Bounds = Pick<
  RaftOptions,
  'bytesPerMessage' | 'inflightMax' | 'silentTicks' | 'takeOverTicks' | 'uncommittedMax'
>
export type Timing = Pick<RaftOptions, 'heartbeatTicks' | 'electionMinTicks' | 'electionMaxTicks'>

/** Which node this is, and of which group, when its directory is new. */
export type Place = {
  readonly id: NodeId
  readonly membership: Membership
  /** It has not run yet: afterwards it has made promises, which are in its database. */
  readonly isNew: boolean
  /** Of what is applied, for peers; alone nothing is. */
  readonly kept?: Kept
  readonly timing?: Timing
  readonly bounds?: Bounds
  /** Of elections. */
  readonly random?: Random
  /** Bytes of a snapshot in one message. */
  readonly chunk?: number
  /** In ticks: see `SnapshotParts`. */
  readonly patience?: number
  /** Entries between two comparisons of the states of all nodes; of all nodes the same. */
  readonly compareEvery?: number
}
/** Who is alone has promised nobody anything. */
const ALONE: Place = {
  id: FIRST,
  membership: { voters: [FIRST], learners: [] },
  isNew: true,
}

export function openReplica(
  directory: string,
  options: ReplicaOptions,
  host: ReplicaHost,
  place: Place = ALONE,
): OpenReplica {
  if (!isDirectory(directory)) {
    const message = `${directory} is not a directory: make it, or name another with --data`
    throw new StoreFault('data-unusable', message)
  }
  const unlock = lock(directory, options)
  const file = join(directory, DATABASE)
  try {
    if (!place.isNew && !existsSync(file)) throw memoryLost(directory)
    const keyExists = existsSync(join(directory, 'secret.key'))
    if (existsSync(file) && !keyExists) throw keyMissing(directory)
    const vault = openVault(directory)
    makePrivate(file)
    const opened = WriteConnection.open(file, options)
    const { release = RELEASE } = options
    openSchema(opened, release)
    const db = options.through?.(opened) ?? opened
    const applied = ownRow(db, vault, directory, place)
    const diverged = divergedOf(db)
    if (diverged !== undefined) throw new StoreFault('diverged', diverged)
    const digest = new StateDigest(db)
    const snapshots = new SnapshotFiles({
      db,
      directory,
      options,
      release,
      chunk: place.chunk ?? CHUNK,
      patience: place.patience ?? PATIENCE,
      ...host,
    })
    const storage = new SqliteLogStorage(db, snapshots, applied)
    const { id, kept = KEPT, timing = TIMING, bounds = BOUNDS, random = REAL_RANDOM } = place
    const raft = new Raft({ id, storage, random, ...timing, ...bounds })
    const { compareEvery = COMPARE_EVERY } = place
    const parts = { kept, compareEvery, release, db, vault, storage, snapshots, digest, raft }
    const replica = new Replica({ ...parts, ...host })
    const close = (): void => {
      snapshots.close()
      db.close()
      unlock()
    }
    return { replica, close }
  } catch (error) {
    unlock()
    throw faultOf(error, file)
  }
}

const REAL_RANDOM = randomFrom(() => randomInt(0x1_0000_0000) / 0x1_0000_0000)

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

function ownRow(db: ReplicaDatabase, vault: Vault, directory: string, place: Place): LogIndex {
  const check = Buffer.from(vault.derive('key check')).toString('hex')
  const row = replicaRow(db)
  if (row === undefined) db.transaction(() => insertReplica(db, check))
  else if (row.keyCheck !== check) throw wrongKey(directory)
  const applied = row?.appliedIndex ?? logIndex(0)
  const known = raftRow(db)
  // A file system that was repaired, or a restore, has left it empty.
  if (known === undefined && !place.isNew) throw memoryLost(directory)
  if (known === undefined)
    db.transaction(() => insertRaft(db, place.id, beginningAt(applied, place)))
  else if (known.node !== place.id) throw otherNode(directory, known.node, place.id)
  return applied
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

/** Of what it has voted, too: it may not go on under the id that it had (dissertation §11). */
function memoryLost(directory: string): StoreFault {
  const lost = `${directory} has lost the database of this node, and with it what it has promised`
  const mend = `run pbx cluster rejoin --data ${directory}, and start it again`
  return new StoreFault('data-unusable', `${lost}: ${mend}`)
}

/** With the state that there is: of a release without Raft, or none. */
function beginningAt(index: LogIndex, { membership }: Place): LogBase {
  return { index, term: term(index === 0 ? 0 : 1), membership }
}

function otherNode(directory: string, known: NodeId, asked: NodeId): StoreFault {
  const mend = 'name it so, or begin with an empty directory'
  const message = `${directory} is of the node ${known}, not of ${asked}: ${mend}`
  return new StoreFault('data-unusable', message)
}
