//! Three nodes of one group in one process: production's replicas, each in its own thread, over TLS
//! on loopback. No virtual address, and nothing that serves.

import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { Cluster } from '../../../src/cluster/cluster.ts'
import { joinCluster } from '../../../src/cluster/join/ask.ts'
import { nodeTokens } from '../../../src/cluster/join/token.ts'
import type { MemberSettings } from '../../../src/cluster/protocol.ts'
import { readCluster, type ClusterFiles, type Peer } from '../../../src/cluster/settings.ts'
import type { NodeId } from '../../../src/control/ids.ts'
import { buildNative } from '../../../src/native/build.ts'
import { openStore } from '../../../src/store/open.ts'
import type { Store } from '../../../src/store/store.ts'
import { authority, issue } from '../../../src/x509/issue.ts'
import { realHost, type LoggedEvent } from '../../store/host.ts'

const HOST = '127.0.0.1'
const PATIENCE_MS = 60_000
const MEMBER = new URL('../../../src/main/member-worker.ts', import.meta.url)

export type Group = {
  readonly leader: Store
  /** Who leads is the first. */
  readonly members: readonly Member[]
  readonly close: () => Promise<void>
}

export type Member = {
  readonly store: Store
  readonly cluster: Cluster
  /** What it has logged. */
  readonly events: readonly LoggedEvent[]
}

export async function openGroup(directory: string): Promise<Group> {
  const now = new Date()
  const ca = authority('a bench', now)
  const id = 'node-1' as NodeId
  const self: Peer = { id, name: 'one', host: HOST, port: await freePort() }
  const settings = { self, peers: [], vip: undefined, timing: 'default', isNew: true } as const
  const first = join(directory, 'one')
  mkdirSync(first)
  const one = await openMember(first, { settings, identity: issue([id], ca), authority: ca })
  await until('the first leads', () => one.cluster.standing?.isActive === true)
  const tokens = nodeTokens({ settings, authority: ca }, [], 2)
  const others: Member[] = []
  for (const [place, name] of ['two', 'three'].entries()) {
    const token = tokens[place] ?? ''
    const data = join(directory, name)
    const port = await freePort()
    await joinCluster({ token, data, name, host: HOST, port, interface: undefined })
    const files = readCluster(data)
    if (files === undefined) throw new Error('it has joined')
    others.push(await openMember(data, files))
  }
  await until('all three vote', () => {
    const members = one.cluster.standing?.members ?? []
    return members.length === 3 && members.every(({ kind, lag }) => kind === 'voter' && lag === 0)
  })
  return {
    leader: one.store,
    members: [one, ...others],
    async close() {
      for (const member of [...others, one]) await leave(member)
    },
  }
}

/** As a node does that is stopped. */
export async function leave({ cluster, store }: Member): Promise<void> {
  await cluster.leave()
  await store.close()
}

async function openMember(directory: string, files: ClusterFiles): Promise<Member> {
  const { port1, port2 } = new MessageChannel()
  const settings: MemberSettings = {
    cluster: files,
    patience: PATIENCE_MS,
    isDrained: false,
    shared: {},
  }
  const native = await buildNative()
  const events: LoggedEvent[] = []
  const host = realHost(events)
  const store = await openStore({
    host,
    directory,
    onFault(fault) {
      throw fault
    },
    worker: MEMBER,
    given: { data: { ...settings, native, newsPort: port2 }, transfer: [port2] },
  })
  const cluster = new Cluster({ host, store, files, data: directory, port: port1 })
  // Who is elected and does not say so resigns after a while.
  cluster.changed(({ isActive }) => cluster.tellServing(isActive))
  return { store, cluster, events }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(0, HOST, resolve))
  const address = server.address()
  await new Promise((resolve) => void server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('it listens on a port')
  return address.port
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`never so: ${what}`)
    await new Promise((resolve) => void setTimeout(resolve, 20))
  }
}
