//! The cluster as the main thread of a node sees it: how this node stands, who is let in, and what
//! an administrator asks for.

import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import type { Host, Subscribe } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { clusterNodes, nextNodeId } from '../store/schema/node.ts'
import type { Command, Store } from '../store/store.ts'
import { certify } from '../x509/issue.ts'
import { checkToken } from './join/token.ts'
import type { JoinAnswer, JoinRequest, Welcome } from './join/messages.ts'
import type { FromMember, Standing, ToMember, Wish } from './protocol.ts'
import type { ClusterFiles, Peer } from './settings.ts'

export type ClusterParts = {
  readonly host: Host
  readonly store: Store
  readonly files: ClusterFiles
  readonly data: string
  /** To and from the replica's thread. */
  readonly port: MessagePort
}

export class Cluster {
  readonly #parts: ClusterParts
  readonly #listeners = new Set<(standing: Standing) => void>()
  readonly #asked = new Map<number, (refused: string | undefined) => void>()
  #asks = 0
  #standing: Standing | undefined
  #isEntered = false

  constructor(parts: ClusterParts) {
    this.#parts = parts
    parts.port.on('message', (message: FromMember) => this.#onMessage(message))
  }

  /** Undefined until the thread has told for the first time. */
  get standing(): Standing | undefined {
    return this.#standing
  }

  get self(): Peer {
    return this.#parts.files.settings.self
  }

  get vip(): string | undefined {
    return this.#parts.files.settings.vip?.address
  }

  nodes(): readonly Peer[] {
    return this.#parts.store.read(clusterNodes)
  }

  readonly changed: Subscribe<Standing> = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Undefined when it is under way, else why not. */
  transfer(to: NodeId | undefined): Promise<string | undefined> {
    return this.#ask({ kind: 'transfer', to })
  }

  async remove(node: NodeId): Promise<string | undefined> {
    if (!this.nodes().some(({ id }) => id === node)) return `there is no node ${node}`
    if (node === this.self.id) return 'this node leads: transfer leadership first'
    const refused = await this.#ask({ kind: 'remove', node })
    return refused ?? (await this.#propose({ kind: 'node.left', id: node }))
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
      case 'ping':
        return this.#say({ kind: 'pong' })
      case 'join':
        void this.#admit(message.request).then((answer) =>
          port.postMessage({ kind: 'join-answer', id: message.id, answer } satisfies ToMember),
        )
        return
      case 'done':
        this.#asked.get(message.id)?.(message.refused)
        this.#asked.delete(message.id)
        return
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
    const refused = await this.#propose({ kind: 'node.joined', node: self })
    if (refused !== undefined) this.#isEntered = false
  }

  async #admit(request: JoinRequest): Promise<JoinAnswer> {
    const { files, host } = this.#parts
    const token = checkToken(files.authority, request.token, host.wall())
    if (!token.ok) return refused(host, request, token.error)
    if (this.#standing?.isActive !== true) return this.#elsewhere()
    const { name, host: at, port } = request
    // Never one that was there before: its disk may have forgotten what it promised.
    const id = this.#parts.store.read(nextNodeId)
    const why =
      (await this.#propose({ kind: 'node.joined', node: { id, name, host: at, port } })) ??
      (await this.#ask({ kind: 'add', node: id }))
    if (why !== undefined) return refused(host, request, why)
    host.log('info', 'node.admitted', { id, name, at: `${at}:${port}` })
    return { kind: 'welcome', welcome: this.#welcome(id, request) }
  }

  #welcome(id: NodeId, { publicKey }: JoinRequest): Welcome {
    const { files, data, host } = this.#parts
    const { vip, timing } = files.settings
    const key = createPublicKey(publicKey)
    return {
      id,
      peers: this.nodes().filter((node) => node.id !== id),
      certificate: certify([id], key, files.authority, new Date(host.wall())),
      authorityKey: files.authority.key,
      secretKey: readFileSync(join(data, 'secret.key')).toString('base64'),
      vip: vip && { address: vip.address, prefix: vip.prefix },
      timing,
    }
  }

  #elsewhere(): JoinAnswer {
    const leader = this.#standing?.leader
    const node = this.nodes().find(({ id }) => id === leader && id !== this.self.id)
    if (node !== undefined) return { kind: 'elsewhere', host: node.host, port: node.port }
    return { kind: 'refused', why: 'nobody leads the cluster now: try again in a moment' }
  }

  async #propose(command: Command): Promise<string | undefined> {
    const proposed = await this.#parts.store.propose(command)
    if (proposed.ok) return undefined
    const { error } = proposed
    return error.kind === 'rejected' ? error.reason : `the store says ${error.kind}`
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

function refused(host: Host, { name, host: at }: JoinRequest, why: string): JoinAnswer {
  host.log('warn', 'node.refused', { name, at, why })
  return { kind: 'refused', why }
}
