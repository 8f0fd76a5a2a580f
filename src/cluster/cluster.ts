//! The cluster as the main thread of a node sees it: how this node stands, who is let in, and what
//! an administrator asks for.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import type { Host, Subscribe } from '../base/host.ts'
import { err, ok, type Result } from '../base/result.ts'
import { wallTime, type WallTime } from '../base/time.ts'
import type { NodeId } from '../control/ids.ts'
import { clusterNodes } from '../store/schema/node.ts'
import type { Store } from '../store/store.ts'
import type { Identity } from '../x509/issue.ts'
import type { FlowNews } from './flows.ts'
import { Admission } from './join/admission.ts'
import type { JoinAnswer } from './join/messages.ts'
import { makeToken, TOKEN_LIFE_MS } from './join/token.ts'
import { whyNobodyLeads } from './leaderless.ts'
import type {
  FileStandings,
  FromMember,
  MainConcern,
  MemberStanding,
  Standing,
  ToMember,
  Wish,
} from './protocol.ts'
import { propose } from './propose.ts'
import { ConnectedServers } from './servers.ts'
import { PEER_PORT, type ClusterFiles, type Peer } from './settings.ts'

export type ClusterParts = {
  readonly host: Host
  readonly store: Store
  readonly files: ClusterFiles
  readonly data: string
  /** To and from the replica's thread. */
  readonly port: MessagePort
}

export class Cluster {
  readonly servers: ConnectedServers
  readonly #parts: ClusterParts
  readonly #listeners = new Set<(standing: Standing) => void>()
  readonly #asked = new Map<number, (refused: string | undefined) => void>()
  readonly #admission: Admission
  #asks = 0
  #standing: Standing | undefined
  #files: FileStandings = new Map()
  #isEntered = false

  constructor(parts: ClusterParts) {
    this.#parts = parts
    const { host, store, files, data } = parts
    this.#admission = new Admission({
      host: { ...host, wall: () => this.wall() },
      store,
      files,
      secretKey: () => secretKeyIn(data),
      elsewhere: () => this.#elsewhere(),
      addToGroup: (node, schema) => this.#ask({ kind: 'add', node, schema }),
      removeFromGroup: (node) => this.#removeFromGroup(node),
      standing: () => this.#standing,
    })
    this.servers = new ConnectedServers(parts.port)
    parts.port.on('message', (message: FromMember) => this.#onMessage(message))
  }

  get files(): FileStandings {
    return this.#files
  }

  /** Undefined until the thread has told for the first time. */
  get standing(): Standing | undefined {
    return this.#standing
  }

  get self(): Peer {
    return this.#parts.files.settings.self
  }

  /** Signs for nodes, and for what they show to phones. */
  get authority(): Identity {
    return this.#parts.files.authority
  }

  /** The virtual addresses; none where there are none. */
  get vips(): readonly string[] {
    return this.#parts.files.settings.vip?.addresses.map(({ address }) => address) ?? []
  }

  get vip(): string | undefined {
    return this.vips[0]
  }

  /** As most clocks say, where the one here differs. */
  wall(): WallTime {
    return wallTime(this.#parts.host.wall() - (this.here?.clockAhead ?? 0))
  }

  /** This node among the members; undefined before it is one. */
  get here(): MemberStanding | undefined {
    const { standing } = this
    return standing?.members.find(({ id }) => id === standing.id)
  }

  /** As the store knows them; before it does, those that were there when this one joined. */
  nodes(): readonly Peer[] {
    const { store, files } = this.#parts
    const known = store.read(clusterNodes)
    return known.length > 0 ? known : files.settings.peers
  }

  whyNobodyLeads(): string {
    return whyNobodyLeads(this.self.id, this.#standing?.members ?? [], this.nodes())
  }

  readonly changed: Subscribe<Standing> = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Connections of clients to the virtual addresses: a successor is to know them. */
  tellFlows(news: FlowNews): void {
    this.#say({ kind: 'flows', news })
  }

  /** Whether this node, which may have been elected, has got to it. */
  tellServing(isServing: boolean): void {
    this.#say({ kind: 'serving', isServing })
  }

  /** Why this node had better not serve; undefined when, as to this, it may. */
  tellUnfit(concern: MainConcern, why: string | undefined): void {
    this.#say({ kind: 'unfit', concern, why })
  }

  /** Undefined when it is under way, else why not. */
  transfer(to: NodeId | undefined): Promise<string | undefined> {
    return this.#ask({ kind: 'transfer', to })
  }

  /** As `transfer`, by a node that is being stopped: also to one that had better not serve. */
  handOver(): Promise<string | undefined> {
    return this.#ask({ kind: 'hand-over' })
  }

  /** For a host that is to be the server `name`: where to ask, and a token that is good once. */
  invite(name: string): { readonly at: string; readonly token: string } {
    const { files } = this.#parts
    const { host, port } = this.self
    const expires = this.wall() + TOKEN_LIFE_MS
    const token = makeToken(files.authority, { purpose: 'server', name, host, port, expires })
    const at = this.vip ?? host
    return { at: port === PEER_PORT ? at : `${at}:${port}`, token }
  }

  /** This node leaves serving to others, until it is told that it need not. As `transfer`. */
  drain(isDrained: boolean, isForced: boolean): Promise<string | undefined> {
    return this.#ask({ kind: 'drain', isDrained, isForced })
  }

  remove(node: NodeId): Promise<string | undefined> {
    return this.#admission.remove(node)
  }

  async #removeFromGroup(node: NodeId): Promise<string | undefined> {
    if (!this.nodes().some(({ id }) => id === node)) return `there is no node ${node}`
    if (node === this.self.id) {
      const then = `pbx cluster remove ${node} on the host that leads then`
      return `${node} leads: run pbx transfer-leadership here, and ${then}`
    }
    return this.#ask({ kind: 'remove', node })
  }

  /** Gives up the address: nobody is answered by it here when this resolves. */
  async leave(): Promise<void> {
    await this.#ask({ kind: 'leave' })
    this.#parts.port.close()
  }

  #onMessage(message: FromMember): void {
    const { host, port } = this.#parts
    switch (message.kind) {
      case 'standing':
        this.#standing = message.standing
        if (message.standing.isActive) void this.#enter()
        for (const listener of this.#listeners) listener(message.standing)
        return
      case 'files':
        this.#files = message.standings
        return
      case 'ping':
        return this.#say({ kind: 'pong' })
      case 'join':
        void this.#admission
          .admit(message.request)
          .then((answer) =>
            port.postMessage({ kind: 'join-answer', id: message.id, answer } satisfies ToMember),
          )
        return
      case 'done':
        this.#asked.get(message.id)?.(message.refused)
        this.#asked.delete(message.id)
        return
      case 'from-server':
      case 'server-link':
        return // to `ConnectedServers`
      case 'log':
        return host.log(message.level, message.event, message.fields)
    }
  }

  /** The first node writes itself down; any node whose address has changed does so again. */
  async #enter(): Promise<void> {
    const { self } = this
    const known = this.nodes().find(({ id }) => id === self.id)
    if (this.#isEntered || (known?.host === self.host && known.port === self.port)) return
    this.#isEntered = true
    const refused = await propose(this.#parts.store, { kind: 'node.joined', node: self })
    if (refused !== undefined) this.#isEntered = false
  }

  /** Undefined while this node serves. */
  #elsewhere(): JoinAnswer | undefined {
    if (this.#standing?.isActive === true) return undefined
    const leader = this.#standing?.leader
    const node = this.nodes().find(({ id }) => id === leader && id !== this.self.id)
    if (node !== undefined) return { kind: 'elsewhere', host: node.host, port: node.port }
    return { kind: 'refused', why: `nobody leads the cluster now: ${this.whyNobodyLeads()}` }
  }

  #ask(wish: Wish): Promise<string | undefined> {
    const id = ++this.#asks
    this.#say({ kind: 'ask', id, wish })
    return new Promise((settle) => this.#asked.set(id, settle))
  }

  #say(message: ToMember): void {
    this.#parts.port.postMessage(message)
  }
}

function secretKeyIn(data: string): Result<Uint8Array, string> {
  try {
    return ok(readFileSync(join(data, 'secret.key')))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return err(`the node that serves cannot read its secret.key: ${why}`)
  }
}
