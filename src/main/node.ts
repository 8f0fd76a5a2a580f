//! A node of a cluster: the replica runs all the time, and what serves runs while this node is to.

import { MessageChannel } from 'node:worker_threads'
import { Cluster } from '../cluster/cluster.ts'
import { watchOwnAddress } from '../cluster/own-address.ts'
import type { MemberSettings } from '../cluster/protocol.ts'
import { settled, type ClusterFiles } from '../cluster/settings.ts'
import type { LogKeeper } from '../files/log-keeper.ts'
import type { Cancel, Host } from '../base/host.ts'
import type { Config } from '../config/config.ts'
import type { Installation } from '../config/installation.ts'
import { removeRunFile } from '../config/run-file.ts'
import { HttpFault } from '../http/errors.ts'
import type { StoreFault } from '../store/errors.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { Drain } from './drain.ts'
import { litestreamCredentials } from './litestream.ts'
import { pause } from './pause.ts'
import { prepare, type Prepared } from './prepared.ts'
import { openServing, type Serving } from './serving.ts'
import { sharedSettings } from './shared-settings.ts'
import { openStandby, type Standby } from './standby.ts'

/** For so long the main thread may be silent while it serves; then another node has to. */
const PATIENCE_MS = 3_000
/** A transfer takes a tenth of a second; one that was asked for in vain ends by itself. */
const HANDED_OVER_MS = 2_000
/** Until it is looked again whether what is waited for has come. */
const ASK_AGAIN_MS = 10
/** A node may stand by for months, and certificates are renewed meanwhile. */
const FRESH_FOR_MS = 12 * 3_600_000
/** Until it is tried again to open what could not be opened. */
const COLD_FOR_MS = 5_000

export type NodeOptions = {
  readonly config: Config
  readonly installation: Installation
  readonly host: Host
  readonly files: ClusterFiles
  readonly onFault: (fault: StoreFault) => void
  readonly logs: LogKeeper
}

type MemberOptions = NodeOptions & { readonly drain: Drain }

export async function openNode(options: NodeOptions): Promise<ClusterMember> {
  const { config, installation, host, files, onFault } = options
  // Told now, when somebody looks, not at the first failover.
  litestreamCredentials(config)
  const { port1, port2 } = new MessageChannel()
  const { workers, sqlite, native } = installation
  const drain = new Drain({ host, data: config.data })
  const isDrained = drain.state !== undefined
  const shared = sharedSettings(config)
  const settings: MemberSettings = { cluster: files, patience: PATIENCE_MS, isDrained, shared }
  const store = await openStore({
    host,
    directory: config.data,
    onFault,
    worker: workers.member ?? new URL('./member-worker.ts', import.meta.url),
    given: { data: { ...settings, native, newsPort: port2 }, transfer: [port2] },
    ...(sqlite === undefined ? {} : { addon: sqlite }),
  })
  settled(config.data, files)
  const cluster = new Cluster({ host, store, files, data: config.data, port: port1 })
  drain.cluster = cluster
  const member = new ClusterMember({ ...options, drain }, store, cluster)
  await member.begin()
  return member
}

export class ClusterMember {
  readonly #options: MemberOptions
  readonly #store: Store
  readonly #cluster: Cluster
  #serving: Serving | undefined
  /** Of `#serving`. */
  #servesIn: number | undefined
  #standby: Standby | undefined
  /** On standby: what serving will need. */
  #prepared: Prepared | undefined
  #freshening: NodeJS.Timeout | undefined
  /** Why this node could not serve, as far as it has tried. */
  #trouble: string | undefined
  /** The term in which it could not: not again in that one before the trouble is over. */
  #failedIn: number | undefined
  #hasServed = false
  /** One change of what runs here at a time. */
  #changing = false
  #isClosing = false
  readonly #stopWatching: Cancel
  #settled: Promise<void> = Promise.resolve()

  constructor(options: MemberOptions, store: Store, cluster: Cluster) {
    this.#options = options
    this.#store = store
    this.#cluster = cluster
    this.#stopWatching = watchOwnAddress({
      host: options.host,
      address: cluster.self.host,
      onChanged: (why) => cluster.tellUnfit('moved', why),
    })
  }

  async begin(): Promise<void> {
    // What does not fit this host ends the start.
    this.#standby = await openStandby(this.#parts)
    await this.#standBy()
    this.#cluster.changed(() => this.#follow())
    this.#follow()
  }

  readonly healthy = async (): Promise<boolean> =>
    (await this.#serving?.healthy()) ?? this.#cluster.standing !== undefined

  async close(): Promise<void> {
    this.#isClosing = true
    this.#stopWatching()
    await this.#settled
    await this.#handOver()
    await this.#cluster.leave()
    await this.#standby?.close()
    await this.#forget()
    removeRunFile(this.#options.config.data)
    await this.#store.close()
  }

  /**
   * To a node that is ready: it goes on with the calls, as does whoever is elected by the others.
   * Without them they are ended here.
   */
  async #handOver(): Promise<void> {
    const serving = this.#serving
    if (serving === undefined) return
    const refused = await this.#cluster.handOver()
    const { host } = this.#options
    const until = host.now() + HANDED_OVER_MS
    while (refused === undefined && this.#isActive && host.now() < until)
      await pause(host, ASK_AGAIN_MS)
    if (this.#isActive && !this.#othersGoOn) return serving.close()
    await serving.abandon()
  }

  /** Without this node there is a majority still, as far as is known here. */
  get #othersGoOn(): boolean {
    const voters = this.#cluster.standing?.members.filter(({ kind }) => kind === 'voter') ?? []
    const { id } = this.#cluster.self
    const others = voters.filter((voter) => voter.isConnected && voter.id !== id)
    return 2 * others.length > voters.length
  }

  get #isActive(): boolean {
    return this.#office !== undefined
  }

  /** The term in which it is to serve. */
  get #office(): number | undefined {
    const { standing } = this.#cluster
    return standing?.isActive === true ? standing.term : undefined
  }

  get #parts() {
    const { config, installation, host, drain } = this.#options
    return { config, installation, host, drain, store: this.#store, cluster: this.#cluster }
  }

  #follow(): void {
    if (this.#changing || this.#isClosing) return
    // In another term what serves begins anew: others may have served in between.
    if (this.#serving !== undefined && this.#office !== this.#servesIn)
      return this.#between(() => this.#change(false))
    const mayServe = this.#trouble === undefined || this.#office !== this.#failedIn
    if (this.#serving === undefined && this.#isActive && mayServe)
      return this.#between(() => this.#change(true))
    const { identity } = this.#standby ?? {}
    const isOld = identity?.isCurrent(this.#options.host.wall()) === false
    // Else it may be the clock that is wrong.
    if (isOld && this.#cluster.standing?.isClockSure === true) this.#between(() => this.#renew())
  }

  /** Nothing else changes meanwhile. */
  #between(change: () => Promise<void>): void {
    if (this.#changing || this.#isClosing) return
    this.#changing = true
    this.#settled = change().finally(() => {
      this.#changing = false
      this.#follow()
    })
  }

  async #change(isActive: boolean): Promise<void> {
    const { host } = this.#options
    const began = host.now()
    if (isActive) {
      this.#servesIn = this.#office
      this.#serving = await this.#serve()
      if (this.#serving === undefined) return
      this.#tellTrouble(undefined)
      this.#cluster.tellServing(true)
    } else {
      this.#cluster.tellServing(false)
      const serving = this.#serving
      this.#serving = undefined
      await serving?.abandon()
      await this.#standBy()
    }
    const ms = Math.round(host.now() - began)
    host.log('info', isActive ? 'node.serving' : 'node.on-standby', { ms })
  }

  /** Undefined when office was lost meanwhile, or something does not fit this host. */
  async #serve(): Promise<Serving | undefined> {
    clearTimeout(this.#freshening)
    const early = this.#prepared
    this.#prepared = undefined
    try {
      await this.#settleEarlier()
      const prepared = early ?? (await prepare(this.#parts))
      const { logs } = this.#options
      return await openServing({
        ...this.#parts,
        prepared,
        vacate: () => this.#vacate(),
        logs,
        term: this.#servesIn,
      })
    } catch (fault) {
      const hasFailed = this.#isActive
      if (hasFailed) this.#failed(fault)
      await this.#standBy(hasFailed)
      return undefined
    }
  }

  #failed(fault: unknown): void {
    this.#failedIn = this.#servesIn
    const { vip } = this.#cluster
    this.#tellTrouble(isForeign(fault, vip) ? `${vip} is not on this host` : troubleIn(fault))
    this.#options.host.log('error', 'node.cannot-serve', { why: this.#trouble })
  }

  /** To whoever would have it serve. */
  #tellTrouble(trouble: string | undefined): void {
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    this.#cluster.tellUnfit('ports', trouble)
  }

  /**
   * What this process proposed when it served before may be in the log and not committed yet, in
   * the same term too; what serves now would not know of it, and find it changed later.
   */
  async #settleEarlier(): Promise<void> {
    const { host } = this.#options
    while (this.#hasServed && this.#isActive) {
      const reached = await this.#store.readLinearizable(() => undefined)
      if (reached.ok) return
      await pause(host, ASK_AGAIN_MS)
    }
    this.#hasServed = true
  }

  async #vacate(): Promise<void> {
    await this.#standby?.close()
    this.#standby = undefined
  }

  /** Its certificate was made when the clock here was wrong, or a year ago. */
  async #renew(): Promise<void> {
    await this.#vacate()
    await this.#standBy()
  }

  /** Its doors, and anew what serving will need: later, when that has just failed. */
  async #standBy(hasFailed = false): Promise<void> {
    await this.#forget()
    try {
      this.#standby ??= await openStandby(this.#parts)
      if (!hasFailed) {
        await this.#prepare()
        this.#tellTrouble(undefined)
      }
    } catch (fault) {
      this.#tellTrouble(troubleIn(fault))
    }
    const again = this.#trouble === undefined ? FRESH_FOR_MS : COLD_FOR_MS
    this.#freshening = setTimeout(() => this.#between(() => this.#standBy()), again).unref()
  }

  /** Rejects when this node could not serve, as far as can be known. */
  async #prepare(): Promise<void> {
    const { vip } = this.#cluster
    if (vip === undefined && this.#trouble === undefined) return
    try {
      this.#prepared = await prepare(this.#parts)
    } catch (fault) {
      if (!isForeign(fault, vip)) throw fault
      // Told with the mend by who sets the kernel up. It takes longer then, when it has to be.
      this.#options.host.log('warn', 'node.cold', { why: messageOf(fault) })
    }
    // Where there is no virtual address the sockets would be heard on this node's own.
    if (vip === undefined) await this.#forget()
  }

  async #forget(): Promise<void> {
    clearTimeout(this.#freshening)
    const prepared = this.#prepared
    this.#prepared = undefined
    await prepared?.discard()
  }
}

/** The virtual address is not here yet, and the kernel opens nothing before it is. */
function isForeign(fault: unknown, vip: string | undefined): boolean {
  return vip !== undefined && fault instanceof HttpFault && fault.code === 'address-unusable'
}

/** What does not fit this host; throws what is a bug. */
function troubleIn(fault: unknown): string {
  if (fault instanceof Error && 'exitCode' in fault) return fault.message
  throw fault
}

function messageOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault)
}
