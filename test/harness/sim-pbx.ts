//! The whole call-manager role in a simulated world: real stack, registrar, authenticator, calls,
//! media engine and store tables; network, sound and time are simulated.

import type { Host } from '../../src/base/host.ts'
import { ClusterTime } from '../../src/cluster/cluster-time.ts'
import { after, millis, wallTime, type Millis } from '../../src/base/time.ts'
import type { MediaControl } from '../../src/control/media-control.ts'
import type { NodeId, TenantId } from '../../src/control/ids.ts'
import type { SipTransport } from '../../src/sip/stack/sip-transport.ts'
import { createSipStack, type MessageTap, type RunnableSipStack } from '../../src/sip/stack.ts'
import { DEFAULT_POLICY } from '../../roles/call-manager/registrar/policy.ts'
import {
  startCallManager,
  type CallManagerOptions,
  type RunningCallManager,
} from '../../roles/call-manager/role.ts'
import type { CallConfig } from '../../roles/call-manager/call/call.ts'
import { Life } from './life.ts'
import { MemoryStore } from './memory-store.ts'
import type { SimNetwork, SimTransport } from './sim-network.ts'
import { simMedia } from '../media/sim-media.ts'
import { MediaLedger } from './media-ledger.ts'
import type { World } from './world.ts'

export const DOMAIN = 'pbx.example'
export const TENANT = 'office' as TenantId

export const CALL_CONFIG: CallConfig = {
  node: 'pbx' as NodeId,
  product: 'pbx',
  host: DOMAIN,
  anchor: true,
  ringTimeout: millis(60_000),
  groupTimeout: millis(20_000),
  redirectsMax: 5,
  transfersMax: 10,
  callsPerExtension: 50,
  callsPerTenant: 0,
  sessionExpires: 1_800,
  minSe: 90,
  promptUnknown: false,
}

/** A real stack on a simulated network, in which hosts are named by their addresses. */
export function simStack(
  host: Host,
  transport: SipTransport,
  onMessage?: MessageTap,
  hasSuccessor = false,
): RunnableSipStack {
  return createSipStack({
    hasSuccessor,
    host,
    transport,
    resolve: (uri, found) => {
      const name = uri.params.get('transport') === 'tcp' ? 'tcp' : 'udp'
      found([{ transport: name, host: uri.host, port: uri.port ?? 5060 }])
    },
    ...(onMessage === undefined ? {} : { onMessage }),
  })
}

export type SimPbxOptions = {
  readonly network: SimNetwork
  readonly address: string
  readonly onMessage?: MessageTap
  /** As in a cluster, where another process goes on. */
  readonly hasSuccessor?: boolean
  readonly config?: Partial<CallConfig>
  /** How long a commit and a media answer take. */
  readonly delay?: Millis
}

export class SimPbx {
  readonly endpoint: SimTransport
  readonly store: MemoryStore
  readonly media: MediaLedger
  readonly world: World
  readonly #options: SimPbxOptions
  #life: Life
  stack: RunnableSipStack
  role: RunningCallManager

  static async open(options: SimPbxOptions): Promise<SimPbx> {
    const { control } = await simMedia(options.network.world)
    return new SimPbx(options, control)
  }

  private constructor(options: SimPbxOptions, media: MediaControl) {
    const { network, address, delay = millis(2) } = options
    this.#options = options
    this.world = network.world
    this.endpoint = network.endpoint(address)
    this.store = new MemoryStore(this.world, delay)
    this.media = new MediaLedger(this.world, media, delay)
    const at = wallTime(0)
    this.store.commit({
      kind: 'tenant.put',
      tenant: TENANT,
      name: 'Office',
      primaryDomain: DOMAIN,
      at,
    })
    this.#life = new Life(this.world)
    this.stack = this.#newStack()
    this.role = this.#start()
  }

  extension(user: string, password: string): void {
    const secret = { kind: 'password', realm: DOMAIN, password } as const
    const displayName = user.charAt(0).toUpperCase() + user.slice(1)
    const done = this.store.commit({
      kind: 'extension.put',
      tenant: TENANT,
      user,
      displayName,
      enabled: true,
      secret,
      at: wallTime(0),
    })
    if (!done.ok) throw new Error(JSON.stringify(done.error))
  }

  /** Media is on a server of its own. */
  mediaOutlives = false

  /** By which the wall clock of the host that serves is ahead. */
  clockAhead = 0
  /** Of a cluster; and by which it was ahead when who served was killed. */
  #time: ClusterTime | undefined
  #timeAhead = 0

  /** The process is killed, and another one starts on its store at once. */
  restart(): void {
    this.kill(this.store.underWay)
    this.start()
  }

  /** Nothing of it reaches anybody any more; of its proposals the first `kept` are committed. */
  kill(kept: number): void {
    this.#life.alive = false
    if (this.#time !== undefined) this.#timeAhead = this.#time.ahead + this.clockAhead
    this.store.crash(kept)
    this.role.stop()
    if (!this.mediaOutlives) this.media.forget()
  }

  /** Another process, on another host by its clock, goes on with the store. */
  start(): void {
    this.#life = new Life(this.world)
    this.stack = this.#newStack()
    this.role = this.#start()
  }

  get alive(): boolean {
    return this.#life.alive
  }

  /** So that nothing lingers: every timer of RFC 3261 has run out. */
  get quietAfter(): Millis {
    return after(this.world.now, millis(140_000))
  }

  #newStack(): RunnableSipStack {
    const { onMessage, hasSuccessor } = this.#options
    const transport = this.#life.transport(this.endpoint)
    return simStack(this.#life.host('stack'), transport, onMessage, hasSuccessor)
  }

  /** As `src/main/serving.ts` makes it. */
  #clocks(): Pick<CallManagerOptions, 'host' | 'date'> {
    const sound = this.#life.host('role')
    const host = { ...sound, wall: () => wallTime(sound.wall() + this.clockAhead) }
    const date = host.wall
    if (this.#options.hasSuccessor !== true) return { host, date }
    this.#time = new ClusterTime(host, this.#timeAhead - this.clockAhead)
    return { host: { ...host, wall: this.#time.read }, date }
  }

  #start(): RunningCallManager {
    const { address, config } = this.#options
    const calls = { ...CALL_CONFIG, ...config }
    return startCallManager({
      ...this.#clocks(),
      store: this.#life.store(this.store),
      vault: this.store.vault,
      stack: this.stack,
      transport: this.endpoint,
      media: calls.anchor ? this.#life.media(this.media) : undefined,
      isOurs: (name) => name === address,
      registrar: DEFAULT_POLICY,
      calls,
    })
  }
}
