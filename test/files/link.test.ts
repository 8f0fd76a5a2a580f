//! Three nodes fetch chunks over real links, one of them closed in the middle and opened again;
//! what Raft has to say meanwhile is not held up by it.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { openPeerLink, type PeerLink } from '../../src/cluster/peer-link.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { ChunkStore, digestOf } from '../../src/files/chunk-store.ts'
import { FileSync } from '../../src/files/sync.ts'
import { authority, issue } from '../../src/x509/issue.ts'
import { realHost } from '../store/host.ts'

const CA = authority('pbx cluster', new Date())
const IDS = ['a', 'b', 'c'] as NodeId[]
const WAIT = { timeout: 30_000 }
const directory = mkdtempSync(join(tmpdir(), 'pbx-links-'))
const closings: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close()
  rmSync(directory, { recursive: true, force: true })
})

/** What the log says, the same for all. */
let inUse = new Set<string>()
let changes = 0

async function open(id: NodeId, port = 0) {
  const host = realHost()
  const link = await openPeerLink({
    host,
    id,
    identity: issue([id], CA),
    authority: CA.certificate,
    listen: { host: '127.0.0.1', port },
  })
  const chunks = new ChunkStore(join(directory, id))
  const sync = new FileSync({
    host,
    self: id,
    chunks,
    peers: () => link.peers,
    send: (to, data) => void link.send(to as NodeId, 'files', data),
    changes: () => changes,
    inUse: () => inUse,
    onStanding: () => {},
  })
  link.arrived(({ from, channel, data }) => {
    if (channel === 'files') sync.receive(from, data)
    // As a heartbeat is answered.
    else if (data.length > 8) link.send(from, channel, data.subarray(0, 8))
  })
  const close = async (): Promise<void> => {
    sync.stop()
    await link.close()
  }
  closings.push(close)
  return { link, chunks, close, port: link.port }
}

/** The longest time that an answer took, asked every 20 ms until `isOver`. */
async function slowest(from: PeerLink, to: NodeId, isOver: () => Promise<boolean>) {
  let longest = 0
  while (!(await isOver())) {
    const asked = performance.now()
    const answered = new Promise<void>((resolve) => {
      const stop = from.arrived(({ channel }) => {
        if (channel !== 'raft') return
        stop()
        resolve()
      })
    })
    if (!from.send(to, 'raft', Buffer.alloc(16))) break
    await answered
    longest = Math.max(longest, performance.now() - asked)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return longest
}

test('chunks come over the links, also to one that was gone in the middle', async () => {
  const [a, b] = [await open(IDS[0] as NodeId), await open(IDS[1] as NodeId)]
  const c = await open(IDS[2] as NodeId)
  const dial = (from: PeerLink, id: string, port: number): void =>
    from.dial({ id: id as NodeId, host: '127.0.0.1', port })
  dial(a.link, 'b', b.port)
  dial(a.link, 'c', c.port)
  dial(b.link, 'c', c.port)
  const many = Array.from({ length: 12 }, () => randomBytes(1 << 20))
  for (const data of many) await a.chunks.put(digestOf(data), data)
  inUse = new Set(many.map(digestOf))
  changes++
  const has = async (chunks: ChunkStore): Promise<number> => (await chunks.all()).length

  await expect.poll(() => has(c.chunks), WAIT).toBeGreaterThan(1)
  await c.close()
  const longest = await slowest(a.link, 'b' as NodeId, async () => (await has(b.chunks)) === 12)
  console.log(`while chunks were fetched an answer took ${longest.toFixed(1)} ms at most`)
  await expect.poll(() => has(b.chunks), WAIT).toBe(12)
  // The one that had them first is gone, and the one that fetched them is asked.
  await a.close()
  const again = await open(IDS[2] as NodeId, c.port)
  await expect.poll(() => has(again.chunks), WAIT).toBe(12)
  for (const data of many)
    expect(digestOf((await again.chunks.get(digestOf(data))) ?? data.subarray(1))).toBe(
      digestOf(data),
    )
})
