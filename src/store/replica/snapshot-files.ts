//! Snapshots of the state: a copy of the database that peers are sent in chunks, and one that is
//! received, taken over in the transaction that begins the log anew behind it.
//!
//! What is Raft's own stays: every node has its own term, vote and log.

import { closeSync, openSync, readSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../base/assert.ts'
import type { Log } from '../../base/host.ts'
import type { LogIndex } from '../../raft/entry.ts'
import type { Membership } from '../../raft/membership.ts'
import type { Snapshot } from '../../raft/message.ts'
import type { Chunk } from '../../raft/ready.ts'
import { type ConnectionOptions, ReadConnection, WriteConnection } from '../database.ts'
import { faultOf, isOfCopy, StoreFault } from '../errors.ts'
import { lackOfRoom, noRoom } from '../room.ts'
import { integer } from '../row.ts'
import { replicaRow } from '../schema/replica.ts'
import { openSchema, schemaVersion, type Release } from '../schema/version.ts'
import type { ReplicaDatabase } from './database.ts'
import type { Snapshots } from './log-storage.ts'
import { replicatedTables } from './state-digest.ts'

const OUTGOING = 'snapshot.db'
const INCOMING = 'snapshot-incoming.db'
/** Of the database's size: others write meanwhile, and this node commits. */
const ROOM = 1.2
const EFFECT = 'a node that is far behind is not brought up to date; it is tried again by itself'

export type SnapshotParts = {
  readonly db: ReplicaDatabase
  readonly directory: string
  readonly options: ConnectionOptions
  /** A snapshot of a newer one is refused. */
  readonly release: Release
  /** Bytes of one, but for the last. */
  readonly chunk: number
  /** In ticks: until a copy that nobody needs goes, and until one that failed is tried again. */
  readonly patience: number
  /** Alone nobody is sent any. */
  readonly log?: Log | undefined
  /** Making a copy has shown that something is wrong with the database. */
  readonly onFault: (error: unknown) => void
}

export class SnapshotFiles implements Snapshots {
  readonly #parts: SnapshotParts
  readonly #db: ReplicaDatabase
  #current: { readonly snapshot: Snapshot; readonly file: number } | undefined
  #making = false
  #ticks = 0
  /** When somebody needed the current one. */
  #neededAt = 0
  #failed: { readonly why: string; readonly until: number } | undefined
  #incoming: { readonly index: LogIndex; readonly file: number; size: number } | undefined
  #closed = false

  constructor(parts: SnapshotParts) {
    this.#parts = parts
    this.#db = parts.db
    // Of an earlier life: whoever was being sent one gets a new one.
    for (const name of [OUTGOING, INCOMING]) this.#remove(name)
  }

  current(): Snapshot | undefined {
    return this.#current?.snapshot
  }

  /** Why there is none for who needs one, as long as it is not tried again. */
  get trouble(): string | undefined {
    return this.#failed?.why
  }

  tick(isNeeded: (index: LogIndex) => boolean): void {
    this.#ticks++
    if (this.#failed !== undefined && this.#ticks >= this.#failed.until) this.#failed = undefined
    if (this.#current === undefined) return
    if (isNeeded(this.#current.snapshot.index)) this.#neededAt = this.#ticks
    else if (this.#ticks - this.#neededAt >= this.#parts.patience) this.#dropCurrent()
  }

  chunk(index: LogIndex, offset: number): Uint8Array | undefined {
    const current = this.#current
    if (current?.snapshot.index !== index) return undefined
    const data = Buffer.alloc(Math.min(this.#parts.chunk, current.snapshot.size - offset))
    const read = readSync(current.file, data, 0, data.length, offset)
    assert(read === data.length, 'a snapshot is as long as it was')
    return data
  }

  /** In steps, between other work; unless one is being made already, or has failed just now. */
  make(membershipAt: (index: LogIndex) => Membership): void {
    if (this.#making || this.#failed !== undefined) return
    this.#making = true
    this.#copy(membershipAt)
      .catch((error: unknown) => this.#onFailed(error))
      .catch(this.#parts.onFault)
      .finally(() => {
        this.#making = false
      })
  }

  receive({ snapshot: { index }, offset, data }: Chunk): void {
    if (offset === 0) {
      this.#dropIncoming()
      this.#incoming = { index, file: openSync(this.#path(INCOMING), 'w+', 0o600), size: 0 }
    }
    const incoming = this.#incoming
    assert(incoming?.index === index && incoming.size === offset, 'chunks come in order')
    const written = writeSync(incoming.file, data, 0, data.length, offset)
    if (written < data.length) throw new StoreFault('disk-full', `${INCOMING}: no room for it`)
    incoming.size += data.length
  }

  /** Before the transaction that takes it over. Returns its schema. */
  attach(snapshot: Snapshot): number {
    const incoming = this.#incoming
    assert(incoming?.index === snapshot.index, 'a snapshot has been received')
    assert(incoming.size === snapshot.size, 'a snapshot has been received to its end')
    const path = this.#path(INCOMING)
    const copy = WriteConnection.open(path, this.#parts.options)
    openSchema(copy, this.#parts.release)
    const schema = schemaVersion(copy)
    const [here, there] = [this.#db, copy].map((each) => replicaRow(each)?.keyCheck)
    copy.close()
    if (here !== there) {
      const mend = "copy the leader's secret.key to this node"
      throw new StoreFault('key-unusable', `this node's secret.key is not the cluster's: ${mend}`)
    }
    this.#db.run('ATTACH DATABASE ? AS incoming', path)
    return schema
  }

  /** Everything but what is Raft's own; within the transaction, in tables of its schema. */
  takeOver(): void {
    this.#db.run('PRAGMA defer_foreign_keys = ON')
    for (const table of replicatedTables(this.#db)) {
      this.#db.run(`DELETE FROM main.${table}`)
      this.#db.run(`INSERT INTO main.${table} SELECT * FROM incoming.${table}`)
    }
  }

  detach(): void {
    this.#db.run('DETACH DATABASE incoming')
    this.#dropIncoming()
  }

  close(): void {
    this.#closed = true
    this.#dropIncoming()
    this.#dropCurrent()
  }

  async #copy(membershipAt: (index: LogIndex) => Membership): Promise<void> {
    this.#dropCurrent()
    const path = this.#path(OUTGOING)
    const { directory } = this.#parts
    const lack = lackOfRoom(statfsSync(directory), this.#size(), directory)
    if (lack !== undefined) throw new StoreFault('disk-full', lack)
    await this.#db.backup(path)
    if (this.#closed) return this.#remove(OUTGOING)
    const copy = ReadConnection.open(path, this.#parts.options)
    const row = replicaRow(copy)
    copy.close()
    assert(row !== undefined, 'a copy knows how far it goes')
    const { appliedIndex: index, appliedTerm: term } = row
    const snapshot = { index, term, membership: membershipAt(index), size: statSync(path).size }
    this.#current = { snapshot, file: openSync(path, 'r') }
    this.#neededAt = this.#ticks
  }

  /** A full disk, for one, is no reason to end: this node serves without a second copy. */
  #onFailed(error: unknown): void {
    // Closing ends a copy in the middle.
    if (this.#closed) return
    const { log, onFault, patience, directory } = this.#parts
    this.#remove(OUTGOING)
    if (!isOfCopy(error)) return onFault(error)
    const { code, message } = faultOf(error, this.#path(OUTGOING))
    const isFull = code === 'disk-full'
    const why = isFull ? noRoom(this.#size(), directory) : message
    this.#failed = { why, until: this.#ticks + patience }
    const mend = isFull ? 'free some there' : undefined
    const event = isFull ? 'snapshot.no-room' : 'snapshot.not-made'
    log?.('error', event, { why, effect: EFFECT, mend })
  }

  /** Bytes that are needed for a copy. */
  #size(): number {
    const row = this.#db.get(
      'SELECT page_count * page_size AS size FROM pragma_page_count(), pragma_page_size()',
    )
    assert(row !== undefined, 'a database has pages')
    return ROOM * integer(row, 'size')
  }

  #dropCurrent(): void {
    if (this.#current === undefined) return
    closeSync(this.#current.file)
    this.#current = undefined
    this.#remove(OUTGOING)
  }

  #dropIncoming(): void {
    if (this.#incoming === undefined) return
    closeSync(this.#incoming.file)
    this.#incoming = undefined
    this.#remove(INCOMING)
  }

  /** With what SQLite has put beside it. */
  #remove(name: string): void {
    for (const beside of ['', '-wal', '-shm', '-journal'])
      rmSync(this.#path(name + beside), { force: true })
  }

  #path(name: string): string {
    return join(this.#parts.directory, name)
  }
}
