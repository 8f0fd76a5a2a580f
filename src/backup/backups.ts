//! Backups of the running system, made and restored while it runs, one at a time.
//!
//! What a backup holds: tenants, extensions, accounts, tokens, settings, message counts, call
//! records; `secret.key`, without which the passwords in it cannot be read; the TLS certificate.
//! Not: calls, registrations, subscriptions, and what makes this node one of its cluster.

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open, statfs, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '../base/host.ts'
import { err, ok, type Result } from '../base/result.ts'
import { after, millis } from '../base/time.ts'
import { ImageReader, makeImage } from '../store/image/client.ts'
import type { ImagePlace } from '../store/image/protocol.ts'
import { DATABASE } from '../store/replica/open-replica.ts'
import { addRecords, restoreImage, type RestoreOptions } from '../store/restore.ts'
import { lackOfRoom } from '../store/room.ts'
import { isAdding, isRestoring } from '../store/schema/restore.ts'
import type { ProposeFailure, Store } from '../store/store.ts'
import {
  archiveSize,
  readArchive,
  writeArchive,
  type FileName,
  type Item,
  type Manifest,
} from './archive.ts'
import { BackupFault } from './errors.ts'
import { Source } from './source.ts'

/** Until the store is asked again that was overloaded. */
const PAUSE = millis(200)

export type BackupsParts = {
  readonly host: Host
  readonly store: Store
  /** The data directory. */
  readonly data: string
  /** Of this server. */
  readonly name: string
  readonly version: string
  /** PEM, as it is in use. */
  readonly tls: { readonly certificate: string; readonly key: string }
  /** The program of the image's thread and SQLite's add-on, in a single executable. */
  readonly worker: string | undefined
  readonly addon: string | undefined
}

export type BackupFailure =
  | { readonly kind: 'busy' | 'refused' | 'no-room' | 'unknown'; readonly why: string }
  | { readonly kind: 'store'; readonly failure: ProposeFailure }

export type MadeBackup = {
  readonly manifest: Manifest
  /** Bytes. */
  readonly size: number
  readonly stream: AsyncGenerator<Uint8Array, void>
  /** Lets go of it, read or not. */
  readonly close: () => void
}

export type RestoreStep = 'received' | 'restored'
export type RestoreNews = {
  readonly onProgress: (step: RestoreStep, done: number) => void
  /** The accounts are others from now on; call records are still to come. */
  readonly onTaken: () => void
}
export type Restored = Pick<Manifest, 'name' | 'made' | 'rows'> & {
  /** Where the backup's certificate and key were laid. */
  readonly tls: string | undefined
}

export class Backups {
  readonly #parts: BackupsParts
  readonly #directory: string
  #busy: string | undefined
  #restores = 0

  constructor(parts: BackupsParts) {
    this.#parts = parts
    this.#directory = join(parts.data, 'backup')
    // What an earlier life was in the middle of.
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** When this node begins to serve: a restore that nobody goes on with is forgotten. */
  async begin(): Promise<void> {
    const { store, host } = this.#parts
    if (!store.read(isRestoring)) return
    if (store.read(isAdding)) return void this.#addRecords()
    const dropped = await store.propose({ kind: 'restore.dropped' })
    if (dropped.ok) host.log('warn', 'restore.dropped', { why: 'it was broken off in the middle' })
  }

  /** Of a restore that has taken effect: a while, and nobody waits for it. */
  async #addRecords(): Promise<void> {
    const { store, host } = this.#parts
    const added = await addRecords(store, this.#pause)
    if (added.ok) host.log('info', 'restore.records-added', {})
    else host.log('warn', 'restore.records-not-added', { why: added.error.kind })
  }

  async make(): Promise<Result<MadeBackup, BackupFailure>> {
    const { store, data } = this.#parts
    const began = this.#begin('a backup is being made')
    if (!began.ok) return began
    const end = began.value
    try {
      // All that anybody was told is done is in it.
      const reached = await store.readLinearizable(() => undefined)
      if (!reached.ok) return ended(end, { kind: 'store', failure: reached.error })
      const room = await this.#roomFor(2 * statSync(join(data, DATABASE)).size)
      if (room !== undefined) return ended(end, room)
      const place = this.#place('image.db')
      const facts = await makeImage(place, this.#parts.worker)
      return ok(await this.#opened(place.file, facts, end))
    } catch (error) {
      end()
      throw error
    }
  }

  /**
   * Nothing is changed before all of `source` is here and has been looked at. Rejects with a
   * `BackupFault` when it is of no use, and with whatever `source` rejects with.
   */
  async restore(
    source: AsyncIterable<Uint8Array>,
    { onProgress, onTaken }: RestoreNews,
  ): Promise<Result<Restored, BackupFailure>> {
    const began = this.#begin('a backup is being restored')
    if (!began.ok) return began
    try {
      const received = await this.#receive(source, (done) => onProgress('received', done))
      if (!received.ok) return received
      const toldRestored = (done: number): void => onProgress('restored', done)
      return await this.#install(received.value, { onProgress: toldRestored, onTaken })
    } finally {
      began.value()
    }
  }

  /** Returns what ends it. */
  #begin(what: string): Result<() => void, BackupFailure> {
    if (this.#busy !== undefined)
      return err({ kind: 'busy', why: `${this.#busy} already: wait for its end` })
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
    this.#busy = what
    return ok(() => {
      this.#busy = undefined
      rmSync(this.#directory, { recursive: true, force: true })
    })
  }

  #place(name: string): ImagePlace {
    const { data: directory, addon } = this.#parts
    return { file: join(this.#directory, name), directory, addon }
  }

  async #roomFor(bytes: number): Promise<BackupFailure | undefined> {
    const why = lackOfRoom(await statfs(this.#directory), bytes, this.#parts.data)
    return why === undefined ? undefined : { kind: 'no-room', why }
  }

  /** From now on the image has no name: with its handle its bytes are gone. */
  async #opened(file: string, facts: Facts, end: () => void): Promise<MadeBackup> {
    const image = await open(file)
    try {
      rmSync(file)
      return this.#made(image, facts, end)
    } catch (error) {
      await image.close()
      throw error
    }
  }

  #made(image: FileHandle, facts: Facts, end: () => void): MadeBackup {
    const { host, name, version, tls, data } = this.#parts
    const { size, schema, rows } = facts
    const small: Partial<Record<FileName, Uint8Array>> = {
      'secret.key': readFileSync(join(data, 'secret.key')),
      'tls/certificate.pem': Buffer.from(tls.certificate),
      'tls/key.pem': Buffer.from(tls.key),
    }
    const files = Object.entries(small).map(([each, bytes]) => {
      return { name: each as FileName, size: bytes.length }
    })
    const manifest: Manifest = {
      product: version,
      schema,
      name,
      made: new Date(host.wall()).toISOString(),
      rows,
      files: [...files, { name: 'pbx.db', size }],
    }
    const contents = (file: FileName) => {
      const bytes = small[file]
      return bytes === undefined ? image.createReadStream({ autoClose: false }) : [bytes]
    }
    let isClosed = false
    const close = (): void => {
      if (isClosed) return
      isClosed = true
      void image.close()
      end()
    }
    const stream = writeArchive(manifest, contents)
    return { manifest, size: archiveSize(manifest), stream, close }
  }

  async #receive(
    source: AsyncIterable<Uint8Array>,
    onProgress: (bytes: number) => void,
  ): Promise<Result<Received, BackupFailure>> {
    const items = readArchive(new Source(source))
    const small = new Map<FileName, Uint8Array>()
    const { file } = this.#place('incoming.db')
    const incoming = await open(file, 'wx', 0o600)
    let bytes = 0
    try {
      for (;;) {
        const { value, done = false } = await items.next()
        if (done) return ok({ manifest: value as Manifest, small, file })
        const item = value as Item
        if (item.kind === 'manifest') {
          const room = await this.#roomFor(2 * archiveSize(item.manifest))
          if (room !== undefined) return err(room)
        } else if (item.name === 'pbx.db') {
          await incoming.writeFile(item.data)
          onProgress((bytes += item.data.length))
        } else small.set(item.name, joined(small.get(item.name), item.data))
      }
    } finally {
      await incoming.close()
    }
  }

  async #install(
    { manifest, small, file }: Received,
    news: Pick<RestoreOptions, 'onProgress' | 'onTaken'>,
  ): Promise<Result<Restored, BackupFailure>> {
    const { store, host, worker } = this.#parts
    const key = small.get('secret.key')
    if (key?.length !== 32) throw new BackupFault('damaged', 'the backup has no secret.key')
    const opened = await ImageReader.open({ ...this.#place('incoming.db'), file }, key, worker)
    if (!opened.ok) return err({ kind: 'refused', why: opened.error })
    const image = opened.value
    try {
      const name = `${host.wall()}-${++this.#restores}-${host.random.token(12)}`
      const options = { name, ...news, pause: this.#pause }
      const restored = await restoreImage(store, image, options)
      if (!restored.ok) return err(failureOf(restored.error))
      const { name: of, made } = manifest
      return ok({ name: of, made, rows: image.rows, tls: this.#laidTls(small) })
    } finally {
      await image.close()
    }
  }

  readonly #pause = (): Promise<void> => {
    const { host } = this.#parts
    return new Promise((resolve) => void host.wake(after(host.now(), PAUSE), resolve))
  }

  /** That all else is restored counts, whatever becomes of these. */
  #laidTls(small: Received['small']): string | undefined {
    try {
      return this.#layTls(small)
    } catch (error) {
      this.#parts.host.log('error', 'restore.certificate-not-laid', { why: String(error) })
      return undefined
    }
  }

  /** Beside those in use: they may be in another's name, and taking them over is a setting. */
  #layTls(small: Received['small']): string | undefined {
    const certificate = small.get('tls/certificate.pem')
    const key = small.get('tls/key.pem')
    if (certificate === undefined || key === undefined) return undefined
    const directory = join(this.#parts.data, 'tls', 'restored')
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    rmSync(join(directory, 'key.pem'), { force: true })
    writeFileSync(join(directory, 'key.pem'), key, { mode: 0o600 })
    writeFileSync(join(directory, 'certificate.pem'), certificate)
    return directory
  }
}

type Facts = Pick<Manifest, 'schema' | 'rows'> & { readonly size: number }

type Received = {
  readonly manifest: Manifest
  readonly small: ReadonlyMap<FileName, Uint8Array>
  readonly file: string
}

function ended(end: () => void, failure: BackupFailure): Result<never, BackupFailure> {
  end()
  return err(failure)
}

function joined(before: Uint8Array | undefined, data: Uint8Array): Uint8Array {
  return before === undefined ? new Uint8Array(data) : Buffer.concat([before, data])
}

type StoreFailed = Extract<Awaited<ReturnType<typeof restoreImage>>, { ok: false }>['error']

function failureOf(failed: StoreFailed): BackupFailure {
  if (failed.kind === 'refused') return failed
  if (failed.kind === 'adding')
    return { kind: 'unknown', why: 'restored; the node that serves now adds the call records' }
  if (failed.isLast)
    return { kind: 'unknown', why: 'no answer in time: it may or may not have been restored' }
  return { kind: 'store', failure: failed.failure }
}
