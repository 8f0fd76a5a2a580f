//! Keeps this node's chunks complete: what files consist of and is not here is fetched from the
//! other nodes, a small piece at a time, so that nothing else on the link waits for it.
//!
//!     files changed, or a look ──> missing ──ask──> piece, piece … ──digest fits──> here
//!                                     ^   absent, silent, damaged: the next peer │
//!                                     +───────────────────────────────────────────+

import type { Cancel, Host } from '../base/host.ts'
import { after, millis, type Millis } from '../base/time.ts'
import { CHUNK_MAX, type ChunkStore, digestOf } from './chunk-store.ts'
import { decodeFileMessage, encodeFileMessage, type FileMessage } from './messages.ts'

/** 3 ms of a line of 100 Mbit/s: so long a heartbeat may have to wait. */
const PIECE = 32 * 1024
const TIMES: SyncTimes = {
  look: millis(1_000),
  /** At most some 6 MB/s. */
  pace: millis(5),
  patience: millis(3_000),
  /** Until a chunk is asked for again that nobody had. */
  rest: millis(5_000),
  collect: millis(60_000),
  grace: millis(600_000),
}
/** Reads for one peer at once; it asks again for what is left out. */
const SERVING_MAX = 4

export type SyncTimes = {
  readonly look: Millis
  readonly pace: Millis
  readonly patience: Millis
  readonly rest: Millis
  readonly collect: Millis
  readonly grace: Millis
}

export type FileStanding = { readonly held: number; readonly missing: number }

export type SyncParts = {
  readonly host: Host
  readonly chunks: ChunkStore
  /** Who may have them. */
  readonly peers: () => readonly string[]
  readonly send: (to: string, data: Uint8Array) => void
  /** Another number when `inUse` may say something else. */
  readonly changes: () => number
  readonly inUse: () => ReadonlySet<string>
  /** Of this node, and of the others as they have told it. */
  readonly onStanding: (standings: ReadonlyMap<string, FileStanding>) => void
  readonly self: string
  readonly times?: Partial<SyncTimes>
}

type Fetch = {
  readonly digest: string
  readonly from: string
  readonly pieces: Uint8Array[]
  offset: number
  stop: Cancel
}

export class FileSync {
  readonly #parts: SyncParts
  readonly #times: SyncTimes
  readonly #missing = new Set<string>()
  readonly #notBefore = new Map<string, Millis>()
  /** Peers that did not have a chunk, or had it damaged. */
  readonly #without = new Map<string, Set<string>>()
  readonly #serving = new Map<string, number>()
  readonly #standings = new Map<string, FileStanding>()
  readonly #stops = new Set<Cancel>()
  #wanted: ReadonlySet<string> = new Set()
  #changes: number | undefined
  #fetch: Fetch | undefined
  #scrubbed = 0
  #collectAt: Millis
  #stopped = false

  constructor(parts: SyncParts) {
    this.#parts = parts
    this.#times = { ...TIMES, ...parts.times }
    this.#collectAt = after(parts.host.now(), this.#times.collect)
    this.#soon(millis(0), () => this.#look())
  }

  stop(): void {
    this.#stopped = true
    this.#fetch?.stop()
    for (const stop of this.#stops) stop()
  }

  /** From a peer. */
  receive(from: string, data: Uint8Array): void {
    const message = decodeFileMessage(data)
    if (message === undefined)
      return this.#parts.host.log('warn', 'files.message-unreadable', { peer: from })
    switch (message.kind) {
      case 'ask':
        return this.#async(() => this.#serve(from, message))
      case 'piece':
        return this.#onPiece(from, message)
      case 'absent':
        return this.#give(from, message.digest)
      case 'doubt':
        return this.#async(() => this.#examine(message.digest))
      case 'standing':
        this.#standings.set(from, { held: message.held, missing: message.missing })
        return this.#parts.onStanding(this.#standings)
    }
  }

  async #look(): Promise<void> {
    const { host, changes, inUse } = this.#parts
    const now = changes()
    if (now !== this.#changes) {
      const wanted = inUse()
      await this.#findMissing(wanted)
      this.#wanted = wanted
      this.#changes = now
    }
    await this.#scrub()
    if (host.now() >= this.#collectAt) await this.#collect()
    this.#tell()
    this.#next()
    this.#soon(this.#times.look, () => this.#look())
  }

  /** The disk is looked at for what is new only; all of it once, at the start. */
  async #findMissing(wanted: ReadonlySet<string>): Promise<void> {
    const { chunks } = this.#parts
    for (const digest of this.#missing) if (!wanted.has(digest)) this.#forget(digest)
    const here = this.#changes === undefined ? new Set(await chunks.all()) : undefined
    for (const digest of wanted) {
      if (this.#wanted.has(digest)) continue
      const isHere = here === undefined ? await chunks.has(digest) : here.has(digest)
      if (!isHere) this.#missing.add(digest)
    }
  }

  /** One chunk a look: a disk may lose what nobody has read for long. */
  async #scrub(): Promise<void> {
    const wanted = [...this.#wanted]
    const digest = wanted[this.#scrubbed++ % Math.max(1, wanted.length)]
    if (digest !== undefined && !this.#missing.has(digest)) await this.#examine(digest)
  }

  async #examine(digest: string): Promise<void> {
    if (!this.#wanted.has(digest) || (await this.#parts.chunks.get(digest)) !== undefined) return
    this.#parts.host.log('warn', 'files.chunk-damaged', { digest })
    this.#missing.add(digest)
    this.#next()
  }

  async #collect(): Promise<void> {
    const { host, chunks } = this.#parts
    this.#collectAt = after(host.now(), this.#times.collect)
    const removed = await chunks.collect(this.#wanted, this.#times.grace)
    if (removed > 0) host.log('info', 'files.collected', { chunks: removed })
  }

  /** Told on every look: a peer that has just come knows nothing. */
  #tell(): void {
    const { self, peers, send, onStanding } = this.#parts
    const missing = this.#missing.size
    const standing = { held: this.#wanted.size - missing, missing }
    const connected = peers()
    for (const peer of this.#standings.keys())
      if (peer !== self && !connected.includes(peer)) this.#standings.delete(peer)
    this.#standings.set(self, standing)
    onStanding(this.#standings)
    for (const peer of connected) send(peer, encodeFileMessage({ kind: 'standing', ...standing }))
  }

  #next(): void {
    if (this.#fetch !== undefined || this.#stopped) return
    const { host, peers } = this.#parts
    const connected = peers()
    if (connected.length === 0) return
    const now = host.now()
    for (const digest of this.#missing) {
      if ((this.#notBefore.get(digest) ?? 0) > now) continue
      const without = this.#without.get(digest)
      const from = connected.find((peer) => without?.has(peer) !== true)
      if (from !== undefined) return this.#begin(digest, from)
      // Everybody was asked: later, perhaps.
      this.#without.delete(digest)
      this.#notBefore.set(digest, after(now, this.#times.rest))
    }
  }

  #begin(digest: string, from: string): void {
    this.#fetch = { digest, from, pieces: [], offset: 0, stop: () => {} }
    this.#ask(this.#fetch)
  }

  #ask(fetch: Fetch): void {
    const { host, send } = this.#parts
    const { digest, offset, from } = fetch
    send(from, encodeFileMessage({ kind: 'ask', digest, offset }))
    fetch.stop = host.wake(after(host.now(), this.#times.patience), () => this.#give(from, digest))
  }

  #onPiece(from: string, { digest, offset, size, data }: FileMessage & { kind: 'piece' }): void {
    const fetch = this.#fetch
    if (fetch?.digest !== digest || fetch.from !== from || fetch.offset !== offset) return
    fetch.stop()
    if (data.length === 0 || size > CHUNK_MAX || offset + data.length > size)
      return this.#give(from, digest)
    fetch.pieces.push(data.slice())
    fetch.offset += data.length
    if (fetch.offset === size) return this.#async(() => this.#take(fetch))
    const { host } = this.#parts
    fetch.stop = host.wake(after(host.now(), this.#times.pace), () => this.#ask(fetch))
  }

  async #take({ digest, from, pieces }: Fetch): Promise<void> {
    const { chunks, host, send } = this.#parts
    const data = Buffer.concat(pieces)
    if (digestOf(data) !== digest) {
      host.log('warn', 'files.chunk-refused', { digest, peer: from })
      send(from, encodeFileMessage({ kind: 'doubt', digest }))
      return this.#give(from, digest)
    }
    await chunks.put(digest, data)
    this.#forget(digest)
    this.#fetch = undefined
    this.#next()
  }

  /** It is here, or of no use. */
  #forget(digest: string): void {
    this.#missing.delete(digest)
    this.#without.delete(digest)
    this.#notBefore.delete(digest)
  }

  /** That peer is of no use for it now. */
  #give(peer: string, digest: string): void {
    const fetch = this.#fetch
    if (fetch?.digest !== digest || fetch.from !== peer) return
    fetch.stop()
    this.#fetch = undefined
    const without = this.#without.get(digest) ?? new Set()
    this.#without.set(digest, without.add(peer))
    this.#next()
  }

  async #serve(from: string, { digest, offset }: FileMessage & { kind: 'ask' }): Promise<void> {
    const busy = this.#serving.get(from) ?? 0
    if (busy >= SERVING_MAX) return
    this.#serving.set(from, busy + 1)
    try {
      const found = await this.#parts.chunks.piece(digest, offset, PIECE)
      const answer: FileMessage =
        found === undefined
          ? { kind: 'absent', digest }
          : { kind: 'piece', digest, offset, ...found }
      this.#parts.send(from, encodeFileMessage(answer))
    } finally {
      this.#serving.set(from, (this.#serving.get(from) ?? 1) - 1)
    }
  }

  #soon(ms: Millis, work: () => Promise<void>): void {
    if (this.#stopped) return
    const { host } = this.#parts
    const stop = host.wake(after(host.now(), ms), () => {
      this.#stops.delete(stop)
      this.#async(work)
    })
    this.#stops.add(stop)
  }

  /** A disk that fails here costs copies of files, and no calls: it is told, and tried again. */
  #async(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      this.#parts.host.log('error', 'files.failed', { why: String(error) })
      this.#fetch?.stop()
      this.#fetch = undefined
      if (this.#stops.size === 0) this.#soon(this.#times.look, () => this.#look())
    })
  }
}
