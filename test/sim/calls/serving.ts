//! What a node serves phones with while the address is its: the whole call-manager role and a media
//! engine, in the node's process, behind the gate of its kernel.

import { assert } from '../../../src/base/assert.ts'
import { millis } from '../../../src/base/time.ts'
import type { MessageTap, RunnableSipStack } from '../../../src/sip/stack.ts'
import { savedCalls } from '../../../src/store/schema/call.ts'
import { openVault } from '../../../src/store/vault.ts'
import { DEFAULT_POLICY } from '../../../roles/call-manager/registrar/policy.ts'
import { startCallManager, type RunningCallManager } from '../../../roles/call-manager/role.ts'
import { MediaByRequests } from '../../../src/media/by-requests.ts'
import { MediaPool } from '../../../roles/media/pool.ts'
import { Life } from '../../harness/life.ts'
import { MediaLedger } from '../../harness/media-ledger.ts'
import type { SimNetwork, SimTransport } from '../../harness/sim-network.ts'
import { CALL_CONFIG, simStack } from '../../harness/sim-pbx.ts'
import type { SimMedia } from '../../media/sim-media.ts'
import type { ReplicaNode } from '../replica/node.ts'
import { pacedMedia, type MediaServers } from './media-servers.ts'

/** Of the virtual address. */
export const ADDRESS = '10.0.0.1'
const MEDIA_MS = millis(3)

export type ServingOptions = {
  readonly node: ReplicaNode
  readonly network: SimNetwork
  /** Where media is when it is not here. */
  readonly servers: MediaServers
  /** Of the node's own media. */
  readonly address: string
  readonly onMessage: MessageTap
}

export class Serving {
  readonly node: ReplicaNode
  readonly media: MediaLedger
  /** The worker of the node itself. */
  readonly own: SimMedia
  readonly address: string
  readonly stack: RunnableSipStack
  readonly role: RunningCallManager
  /** Calls that were in progress when it began. */
  readonly resumed: number
  readonly #network: SimNetwork
  readonly #transport: SimTransport
  readonly #life: Life
  readonly #closeMedia: () => void
  #isOver = false

  /** Undefined when the node has gone, or has lost the address, meanwhile. */
  static async open(options: ServingOptions): Promise<Serving | undefined> {
    const { node, network } = options
    const { world } = network
    const own = await pacedMedia(world, node.id, options.address)
    if (node.store === undefined || !node.lease.isOpen) return undefined
    return new Serving(options, own)
  }

  private constructor(options: ServingOptions, own: SimMedia) {
    const { node, network, servers, address, onMessage } = options
    const { process, lease, store, status } = node
    assert(store !== undefined && status !== undefined, 'a node that serves has a store')
    this.node = node
    this.own = own
    this.address = address
    const { link, close } = servers.link(node, status.term)
    const pool = new MediaPool({ host: process.host('pool'), local: own.carrier, link })
    this.media = new MediaLedger(network.world, new MediaByRequests(pool), MEDIA_MS)
    this.#closeMedia = () => {
      pool.stop()
      close()
    }
    this.#network = network
    this.#life = new Life(network.world)
    this.#transport = network.endpoint(ADDRESS, 5060, {
      isOpen: () => !this.#isOver && lease.isOpen,
      enter: (handle) => process.soon(millis(0), handle),
    })
    this.resumed = store.read(savedCalls).length
    this.stack = simStack(process.host('stack'), this.#transport, onMessage, true)
    const host = process.host('role')
    this.role = startCallManager({
      host,
      date: host.wall,
      store,
      vault: openVault(node.disk.home),
      stack: this.stack,
      transport: this.#transport,
      media: this.#life.media(this.media),
      isOurs: (name) => name === ADDRESS,
      registrar: DEFAULT_POLICY,
      calls: { ...CALL_CONFIG, node: node.id, sessionExpires: 160 },
    })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** The address has gone to another, or the process has ended. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#life.alive = false
    this.#network.remove(this.#transport)
    this.role.stop()
    // Its servers go on with what they have.
    this.#closeMedia()
    this.media.forget()
  }
}
