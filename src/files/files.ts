//! Files that outlive the host that made them: written here, and fetched by the other nodes
//! (`sync.ts`). For logs, and for recordings and prompts when there are some.

import type { Host } from '../base/host.ts'
import { err, ok, type Result } from '../base/result.ts'
import {
  chunksInUse,
  digestsOf,
  fileNamed,
  filesUnder,
  type FileEntry,
} from '../store/schema/file.ts'
import type { ProposeFailure, Store } from '../store/store.ts'
import { CHUNK_MAX, type ChunkStore, digestOf } from './chunk-store.ts'

export type FilesParts = {
  readonly host: Host
  readonly store: Store
  readonly chunks: ChunkStore
}

export class Files {
  readonly #parts: FilesParts

  constructor(parts: FilesParts) {
    this.#parts = parts
  }

  /** A file that is not there yet, or takes the place of the one that is. */
  create(name: string): FileWriter {
    return new FileWriter(this.#parts, name)
  }

  /** Oldest first. */
  list(prefix: string): readonly FileEntry[] {
    return this.#parts.store.read((db) => filesUnder(db, prefix))
  }

  /** Chunk by chunk. The error names the file when a part of it has not come to this node yet. */
  async *read(name: string): AsyncGenerator<Result<Uint8Array, string>, void> {
    const { store, chunks } = this.#parts
    const entry = store.read((db) => fileNamed(db, name))
    for (const digest of digestsOf(entry?.chunks ?? new Uint8Array(0))) {
      const data = await chunks.get(digest)
      yield data === undefined ? err(`${name}: a part of it is not on this node yet`) : ok(data)
    }
  }

  /** Chunks of no file that are older than `graceMs` go; returns how many. */
  collect(graceMs: number): Promise<number> {
    const { store, chunks } = this.#parts
    return chunks.collect(store.read(chunksInUse), graceMs)
  }

  async remove(names: readonly string[]): Promise<Result<void, ProposeFailure>> {
    const removed = await this.#parts.store.propose({ kind: 'file.remove', names })
    return removed.ok ? ok(undefined) : removed
  }
}

/** Of one file. Whatever it is given is gone with this process until `flush` has resolved. */
export class FileWriter {
  readonly name: string
  readonly #parts: FilesParts
  readonly #madeAt
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #size = 0
  #chunks: string[] = []
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: FilesParts, name: string) {
    this.#parts = parts
    this.name = name
    this.#madeAt = parts.host.wall()
  }

  /** Bytes that are flushed. */
  get size(): number {
    return this.#size
  }

  get chunks(): number {
    return this.#chunks.length
  }

  /** Bytes that wait for `flush`. */
  get pending(): number {
    return this.#pendingBytes
  }

  append(data: Uint8Array): void {
    this.#pending.push(data)
    this.#pendingBytes += data.length
  }

  /** What was appended is on disk here, and every node knows that it is to have it. */
  flush(): Promise<Result<void, ProposeFailure>> {
    return this.#inTurn(() => this.#flush())
  }

  /** As `flush`; nothing is added any more. What was flushed in small pieces is put together. */
  seal(): Promise<Result<void, ProposeFailure>> {
    return this.#inTurn(async () => {
      const flushed = await this.#flush()
      if (!flushed.ok) return flushed
      this.#chunks = (await this.#joined()) ?? this.#chunks
      return this.#put(this.#chunks, this.#size, true)
    })
  }

  /** One at a time. Who asked is told what went wrong; the next one is not. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => {})
    return done
  }

  async #flush(): Promise<Result<void, ProposeFailure>> {
    const data = Buffer.concat(this.#pending)
    if (data.length === 0) return ok(undefined)
    const chunks = [...this.#chunks, ...(await this.#written(data))]
    const put = await this.#put(chunks, this.#size + data.length, false)
    if (!put.ok) return put
    this.#chunks = chunks
    this.#size += data.length
    this.#forget(data.length)
    return ok(undefined)
  }

  async #put(
    chunks: readonly string[],
    size: number,
    isSealed: boolean,
  ): Promise<Result<void, ProposeFailure>> {
    const { name } = this
    const digests = Buffer.from(chunks.join(''), 'hex')
    const file = { name, size, madeAt: this.#madeAt, isSealed, chunks: digests }
    const put = await this.#parts.store.propose({ kind: 'file.put', file })
    return put.ok ? ok(undefined) : put
  }

  async #written(data: Uint8Array): Promise<string[]> {
    const digests: string[] = []
    for (let at = 0; at < data.length; at += CHUNK_MAX) {
      const chunk = data.subarray(at, at + CHUNK_MAX)
      const digest = digestOf(chunk)
      await this.#parts.chunks.put(digest, chunk)
      digests.push(digest)
    }
    return digests
  }

  /** The same bytes in as few chunks as they fit in; undefined when one cannot be read any more. */
  async #joined(): Promise<string[] | undefined> {
    if (this.#chunks.length <= Math.ceil(this.#size / CHUNK_MAX)) return undefined
    const joined: string[] = []
    let rest: Uint8Array = new Uint8Array(0)
    for (const digest of this.#chunks) {
      const data = await this.#parts.chunks.get(digest)
      if (data === undefined) return undefined
      rest = Buffer.concat([rest, data])
      const whole = rest.length - (rest.length % CHUNK_MAX)
      joined.push(...(await this.#written(rest.subarray(0, whole))))
      rest = rest.subarray(whole)
    }
    return [...joined, ...(await this.#written(rest))]
  }

  /** What was appended meanwhile stays. */
  #forget(bytes: number): void {
    const rest = Buffer.concat(this.#pending).subarray(bytes)
    this.#pending = rest.length === 0 ? [] : [rest]
    this.#pendingBytes = rest.length
  }
}
