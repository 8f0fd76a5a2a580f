//! Nodes that keep files, with their disks and nothing else that is real: messages and time are the
//! test's.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fields } from '../../src/base/host.ts'
import { millis } from '../../src/base/time.ts'
import { ChunkStore, digestOf } from '../../src/files/chunk-store.ts'
import { type FileStanding, FileSync } from '../../src/files/sync.ts'
import { realHost } from '../store/host.ts'

const TIMES = {
  look: millis(20),
  pace: millis(0),
  patience: millis(200),
  rest: millis(50),
  collect: millis(50),
  grace: millis(100),
}

export class FileNode {
  readonly id: string
  readonly data: string
  readonly chunks: ChunkStore
  readonly events: string[] = []
  standings: ReadonlyMap<string, FileStanding> = new Map()
  sync: FileSync | undefined

  constructor(id: string, directory: string) {
    this.id = id
    this.data = join(directory, id)
    this.chunks = new ChunkStore(this.data)
  }

  file(digest: string): string {
    return join(this.data, 'files', digest)
  }
}

/** What the log says: which chunks are in use. The same for all. */
export class FileWorld {
  readonly directory = mkdtempSync(join(tmpdir(), 'pbx-files-'))
  readonly nodes: readonly FileNode[]
  readonly cut = new Set<string>()
  /** Changes what a node sends on its way. */
  tamper: (from: string, data: Uint8Array) => Uint8Array = (_, data) => data
  sent = 0
  #inUse: ReadonlySet<string> = new Set()
  #changes = 0

  constructor(count: number) {
    this.nodes = Array.from({ length: count }, (_, place) => {
      return new FileNode(`node-${place + 1}`, this.directory)
    })
    for (const node of this.nodes) this.start(node)
  }

  use(digests: readonly string[]): void {
    this.#inUse = new Set(digests)
    this.#changes++
  }

  /** A chunk that only this node has so far. */
  async put(node: FileNode | undefined, text: string): Promise<string> {
    const data = Buffer.from(text.repeat(Math.ceil(100_000 / text.length)))
    const digest = digestOf(data)
    await node?.chunks.put(digest, data)
    return digest
  }

  start(node: FileNode): void {
    const log = (_level: string, event: string, _fields?: Fields): void =>
      void node.events.push(event)
    node.sync = new FileSync({
      host: { ...realHost(), log },
      self: node.id,
      chunks: node.chunks,
      peers: () => this.#peersOf(node),
      send: (to, data) => this.#deliver(node.id, to, data),
      changes: () => this.#changes,
      inUse: () => this.#inUse,
      onStanding: (standings) => (node.standings = new Map(standings)),
      times: TIMES,
    })
  }

  stop(node: FileNode): void {
    node.sync?.stop()
    node.sync = undefined
  }

  async until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 20_000
    while (!(await isSo())) {
      if (performance.now() > deadline) throw new Error(`never so: ${what}`)
      await sleep(10)
    }
  }

  /** All nodes have all that is in use. */
  whole(): Promise<void> {
    return this.until('all have all', async () => {
      const here = await Promise.all(this.nodes.map(({ chunks }) => chunks.all()))
      return here.every((each) => [...this.#inUse].every((digest) => each.includes(digest)))
    })
  }

  close(): void {
    for (const node of this.nodes) this.stop(node)
    rmSync(this.directory, { recursive: true, force: true })
  }

  #peersOf(node: FileNode): readonly string[] {
    if (this.cut.has(node.id)) return []
    return this.nodes
      .filter((each) => each !== node && each.sync !== undefined && !this.cut.has(each.id))
      .map(({ id }) => id)
  }

  #deliver(from: string, to: string, data: Uint8Array): void {
    this.sent += data.length
    const arrived = this.tamper(from, data)
    setImmediate(() => {
      if (this.cut.has(from) || this.cut.has(to)) return
      this.nodes.find(({ id }) => id === to)?.sync?.receive(from, arrived)
    })
  }
}
