//! The program of the replica's thread in a cluster: replica, peer link, virtual address.

import { assert } from '../base/assert.ts'
import type { Result } from '../base/result.ts'
import type { Millis } from '../base/time.ts'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { Strangers } from '../cluster/join/stranger.ts'
import type { JoinAnswer } from '../cluster/join/messages.ts'
import { DiskWatch } from '../cluster/disk-watch.ts'
import { ONCE_REMOVED } from '../cluster/farewell.ts'
import { FlowKeeper } from '../cluster/flow-keeper.ts'
import { Member } from '../cluster/member.ts'
import { Office } from '../cluster/office.ts'
import { openPeerLink, type LinkOptions, type PeerLink } from '../cluster/peer-link.ts'
import { PeerSchemas } from '../cluster/peer-schemas.ts'
import { PeerSettings } from '../cluster/peer-settings.ts'
import { relayServers } from '../cluster/server-relay.ts'
import type { FromMember, MemberSettings, ToMember } from '../cluster/protocol.ts'
import { TIMINGS } from '../cluster/timings.ts'
import type { Peer, VipSettings } from '../cluster/settings.ts'
import { dropLeftovers } from '../cluster/vip/leftovers.ts'
import { whyNoAnnouncing } from '../cluster/vip/mend.ts'
import { VipOwner } from '../cluster/vip/owner.ts'
import { earsOf } from '../cluster/vip/rivals.ts'
import { Watchdog } from '../cluster/watchdog.ts'
import type { NodeId } from '../control/ids.ts'
import { ChunkStore } from '../files/chunk-store.ts'
import { FileSync } from '../files/sync.ts'
import { portFault } from '../http/errors.ts'
import { loadNative } from '../native/load.ts'
import { Priority } from '../native/priority.ts'
import { realHost } from '../observe/real-host.ts'
import { hasOnly } from '../raft/membership.ts'
import type { RaftMessage } from '../raft/message.ts'
import type { Raft } from '../raft/raft.ts'
import { ReadConnection } from '../store/database.ts'
import { StoreFault } from '../store/errors.ts'
import { DATABASE, openReplica, type Place } from '../store/replica/open-replica.ts'
import type { Replica } from '../store/replica/replica.ts'
import type { ReplicaSettings } from '../store/replica/protocol.ts'
import { ReplicaService } from '../store/replica/service.ts'
import { chunksInUse, fileChanges } from '../store/schema/file.ts'
import { clusterNodes, hasLeft } from '../store/schema/node.ts'
import { SCHEMA_VERSION } from '../store/schema/schema.ts'
import { isServerId, registeredServers, serverId } from '../store/schema/server.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const PING_EVERY_MS = 500
const KEEP_PRIORITY_EVERY_MS = 1_000
const SILENT = 'its main thread does not answer'

export type WorkerData = ReplicaSettings &
  MemberSettings & { readonly newsPort: MessagePort; readonly native: Result<string, string> }

assert(parentPort !== null, 'the replica runs in a worker thread')
const given = workerData as WorkerData
const { directory, addon, cluster, patience, isDrained, shared, native, newsPort: news } = given
const service = new ReplicaService(parentPort, directory)
const { settings, identity, authority } = cluster
const { self, peers, vip: vipSettings } = settings
const timing = TIMINGS[settings.timing]
const say = (message: FromMember): void => news.postMessage(message)
const host = realHost((level, event, fields) => say({ kind: 'log', level, event, fields }))
const addOn = native.ok ? loadNative(native.value) : native
const priority = new Priority(addOn, host.log)

let member: Member | undefined
let flows: FlowKeeper | undefined
let replica: Replica | undefined
/** What the replica says before there is somebody to say it to. */
const early: RaftMessage[] = []
const office = new Office()
const watchdog = new Watchdog(patience)
const disk = new DiskWatch(timing.lease)
let asked = 0
const joins = new Map<number, (answer: JoinAnswer) => void>()
/** From when the tables are there. */
let reader: ReadConnection | undefined

void begin().catch((error: unknown) => service.fail(error))

async function begin(): Promise<void> {
  const link = await openLink()
  relayServers(link, news)
  const schemas = new PeerSchemas({ host, link, own: SCHEMA_VERSION })
  const settingsOf = new PeerSettings({ host, link, own: shared })
  const vip = vipSettings === undefined ? undefined : await addressOwner(vipSettings)
  const opened = service.serve(() =>
    openReplica(
      directory,
      { addon, onCommit },
      {
        onOutcomes: service.tell.bind(service),
        onFault: service.fail.bind(service),
        log: host.log,
        onRound: (round) => vip?.roundBegins(round),
        knows: (node) => schemas.of(node),
        send: (messages) =>
          void (member === undefined ? early.push(...messages) : member.send(messages)),
      },
      place(),
    ),
  )
  if (opened === undefined) return
  replica = opened.replica
  reader = ReadConnection.open(join(directory, DATABASE), { addon })
  member = new Member({
    host,
    self,
    link,
    vip,
    replica: opened.replica,
    nodes,
    differs: (node) => settingsOf.of(node),
    urgency: priority.urgency,
    onStanding: (standing) => {
      office.held(standing.isActive, host.now())
      say({ kind: 'standing', standing })
    },
    orEnd: (work) => service.orEnd(work),
  })
  flows = new FlowKeeper({
    host,
    link,
    tickle: addOn.ok ? addOn.value.tickle : () => addOn.error,
    holdsAddress: () => vip?.isHeld === true,
    dropLeftovers: () => dropLeftovers(vipSettings?.addresses ?? [], host.log),
  })
  judge(member, vip)
  const fileSync = syncFiles(link, reader)
  member.send(early.splice(0))
  const chores = [
    setInterval(watchMain, PING_EVERY_MS),
    setInterval(() => priority.keep(), KEEP_PRIORITY_EVERY_MS),
  ]
  const leave = async (): Promise<void> => {
    for (const each of chores) clearInterval(each)
    await vip?.stop()
    member?.stop()
    service.orEnd(() => opened.replica.ask(stopLeading))
    flows?.stop()
    schemas.stop()
    settingsOf.stop()
    fileSync.stop()
    await link.close()
    reader?.close()
    reader = undefined
  }
  news.on('message', (message: ToMember) => void onMessage(message, leave))
}

/** What is asked of a leader without peers is never confirmed, and a stop waits for that. */
function stopLeading(raft: Raft): void {
  if (!hasOnly(raft.status().membership, self.id)) raft.resign()
}

async function openLink(): Promise<PeerLink> {
  const strangers = new Strangers((request) => {
    const id = ++asked
    say({ kind: 'join', id, request })
    return new Promise((settle) => joins.set(id, settle))
  })
  const listen = { host: '0.0.0.0', port: self.port }
  try {
    return await openPeerLink({
      host,
      id: self.id,
      identity,
      authority: authority.certificate,
      listen,
      onStranger: strangers.take,
      known,
      farewell,
      ifDismissed: ONCE_REMOVED,
    })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const option = 'cluster-port of pbx cluster change'
    const fault = portFault(code, {
      protocol: 'TCP',
      address: listen.host,
      port: self.port,
      option,
    })
    throw fault === undefined ? error : new StoreFault('port-unusable', fault.message, error)
  }
}

/** It is little that this thread does for them: a piece at a time, and no disk is waited for. */
function syncFiles(link: PeerLink, db: ReadConnection): FileSync {
  const sync = new FileSync({
    host,
    self: self.id,
    chunks: new ChunkStore(directory),
    peers: () => link.peers.filter((peer) => !isServerId(peer)),
    send: (to, data) => void link.send(to as NodeId, 'files', data),
    changes: () => fileChanges(db),
    inUse: () => chunksInUse(db),
    onStanding: (standings) => say({ kind: 'files', standings }),
  })
  link.arrived(({ from, channel, data }) => {
    if (channel === 'files') sync.receive(from, data)
  })
  return sync
}

/** Who may connect. */
function known(): ReturnType<NonNullable<LinkOptions['known']>> {
  const servers = reader === undefined ? [] : registeredServers(reader)
  const joined = servers.filter(({ key }) => key !== undefined)
  const asPeers = joined.map((each) => ({ id: serverId(each), host: each.address, key: each.key }))
  return [...nodes(), ...asPeers]
}

/**
 * Who is not in the newest list is no member: nobody but who leads has it for sure. A node that has
 * left is none for good.
 */
function farewell({ peer }: { readonly peer: NodeId }): string | undefined {
  if (reader !== undefined && hasLeft(reader, peer)) return `${peer} was removed from the cluster`
  const { role, confirmedRound, applied, committed } = replica?.status ?? {}
  if (role !== 'leader' || confirmedRound === undefined || applied !== committed) return undefined
  if (!isServerId(peer)) return `${peer} is no node of this cluster any more`
  return `${peer} is not registered, or another host has joined as it`
}

/** As the store knows them; before it does, those that were there when this one joined. */
function nodes(): readonly Peer[] {
  const known = reader === undefined ? [] : clusterNodes(reader)
  return known.length > 0 ? known : peers
}

/** Who was alone goes on as the first of a group; another knows of nobody until it is told. */
function place(): Place {
  const isFirst = peers.length === 0
  const voters = isFirst ? [self.id] : []
  const { isNew } = settings
  return { id: self.id, membership: { voters, learners: [] }, isNew, timing }
}

function addressOwner(settings: VipSettings): Promise<VipOwner> {
  const announce = addOn.ok ? addOn.value.announce : () => addOn.error
  return VipOwner.prepare({
    host,
    vip: settings,
    lease: timing.lease,
    announce,
    ears: earsOf(addOn),
    onChanged: (isHeld) => {
      member?.addressChanged()
      flows?.addressChanged(isHeld)
    },
    onConflict: () => member?.addressChanged(),
    onPending: () => member?.confirm(),
    onResign: (why) => member?.resign(why),
    onUnfit: (why) => member?.setFit('address', why),
  })
}

function onCommit(took: Millis): void {
  const before = disk.slow
  disk.committed(took, host.now())
  // Not now: the replica is in the middle of what it commits.
  if (disk.slow !== before) setImmediate(() => member?.setFit('disk', disk.slow))
}

/** As the kernel tells it of this thread (proc(5)); '' where it does not. */
function ownStatus(): string {
  try {
    return readFileSync('/proc/thread-self/status', 'utf8')
  } catch {
    return '' // not to be known: it shows when it has to announce
  }
}

/** What is known of its fitness when it begins. */
function judge(member: Member, vip: VipOwner | undefined): void {
  if (isDrained) member.setFit('drain', 'drained')
  if (disk.slow !== undefined) member.setFit('disk', disk.slow)
  if (vip !== undefined) member.setFit('address', vip.unfit)
  if (vip !== undefined) member.setFit('announcing', whyNoAnnouncing(addOn, ownStatus()))
}

/** The main thread serves, here or when it is elected: what does not answer had better not be. */
function watchMain(): void {
  const now = host.now()
  const overdue = office.overdue(now)
  if (overdue !== undefined) {
    // Until it serves after all, or is started anew.
    member?.setFit('serving', `${overdue}: restart it`)
    member?.resign(overdue)
  }
  const found = watchdog.look(now)
  if (found?.kind === 'ask') say({ kind: 'ping' })
  if (found?.kind !== 'silent') return
  member?.resign(`the main thread has not answered for ${found.ms} ms`)
  member?.setFit('main', SILENT)
}

async function onMessage(message: ToMember, leave: () => Promise<void>): Promise<void> {
  switch (message.kind) {
    case 'to-server':
    case 'server-heard':
      return // to `relayServers`
    case 'pong':
      watchdog.answered()
      return member?.setFit('main', undefined)
    case 'serving':
      office.serves(message.isServing)
      if (message.isServing) member?.setFit('serving', undefined)
      return
    case 'unfit':
      if (message.concern === 'ports') office.isExcused = message.why !== undefined
      return member?.setFit(message.concern, message.why)
    case 'join-answer':
      joins.get(message.id)?.(message.answer)
      joins.delete(message.id)
      return
    case 'flows':
      return flows?.tell(message.news)
    case 'ask': {
      const { id, wish } = message
      if (wish.kind === 'leave') {
        await leave()
        say({ kind: 'done', id, refused: undefined })
        return news.close()
      }
      return say({ kind: 'done', id, refused: member?.wish(wish) })
    }
  }
}
