//! Three nodes with one address, and phones that know no other.

import { millis, wallTime } from '../../../src/base/time.ts'
import type { SipMessage } from '../../../src/sip/message/message.ts'
import type { Command, Store } from '../../../src/store/store.ts'
import { ScriptedPhone } from '../../harness/phone.ts'
import { OPEN, SimNetwork, SimTransport } from '../../harness/sim-network.ts'
import { DOMAIN, TENANT } from '../../harness/sim-pbx.ts'
import type { World } from '../../harness/world.ts'
import { dial, habitsOf, type Habits } from '../call-habits.ts'
import type { Group } from '../cluster/group.ts'
import { Checks } from '../replica/checks.ts'
import { Clients, replicas } from '../replica/clients.ts'
import type { Frozen } from '../replica/frozen.ts'
import type { Homes } from '../replica/home.ts'
import type { ReplicaNode } from '../replica/node.ts'
import { MediaServers } from './media-servers.ts'
import { ADDRESS, Serving } from './serving.ts'

const IDS = ['a', 'b', 'c', 'd']
/** The others come in, if at all, later. */
const VOTERS = 3
const USERS = ['alice', 'bob', 'carol', 'dave', 'erin']
const DEVICES = [...USERS, 'bob/mobile']
/** From the begin of a lease until what serves is open. */
const OPENING_MS = 60
const ASK_AGAIN_MS = 10
const REGISTER_AGAIN_MS = 3_000
/** Until a phone knows that its connection ended with the process that had it. */
const UNAWARE_MS = 4_000
const EXPIRES = 7_200
/** Who rings for so long is given up. */
const PATIENCE = 30_000
const SERVERS_MAX = 2

export class CallOffice {
  readonly world: World
  readonly group: Group<ReplicaNode>
  readonly checks = new Checks()
  readonly clients: Clients
  readonly network: SimNetwork
  readonly phones: readonly ScriptedPhone[]
  readonly habits: readonly Habits[]
  readonly media: MediaServers
  /** All there were, the newest last. */
  readonly served: Serving[] = []
  /** Call-IDs in which a BYE of ours was sent, and not answered. */
  readonly hungUp = new Set<string>()
  /** What phones answered 481 to, and in which calls. */
  readonly forgotten: { readonly call: string; readonly sipCallId: string }[] = []
  readonly #frozen: Frozen
  readonly #provisioned = new Set<Command>()
  /** Of processes that have served. */
  readonly #known = new WeakSet<Store>()
  /** How often each node has held the address, or lost it. */
  readonly #changes = new Map<ReplicaNode, number>()

  static async open(world: World, homes: Homes, frozen: Frozen): Promise<CallOffice> {
    const media = await MediaServers.open(world, world.random.below(SERVERS_MAX + 1))
    return new CallOffice(world, homes, frozen, media)
  }

  private constructor(world: World, homes: Homes, frozen: Frozen, media: MediaServers) {
    this.world = world
    this.media = media
    this.#frozen = frozen
    this.network = new SimNetwork(world)
    const held = (node: ReplicaNode, isHeld: boolean): void => this.#held(node, isHeld)
    const options = { world, homes, frozen, ids: IDS, voters: VOTERS, held }
    this.group = replicas(options, this.checks)
    this.clients = new Clients(this.group, this.checks, frozen, 100)
    this.phones = DEVICES.map((name, index) => this.#phone(name, index))
    const targets = [...USERS, 'nobody', '*43'].map((user) => `sip:${user}@${DOMAIN}`)
    const office = { world, targets, phones: this.phones, patience: PATIENCE }
    this.habits = this.phones.map((phone) => habitsOf(office, phone))
    for (const [index, phone] of this.phones.entries()) {
      const own = this.habits[index]
      if (own !== undefined) phone.habits = own
    }
  }

  /** What serves now. */
  get serving(): Serving | undefined {
    return this.served.findLast(({ isOver, node }) => !isOver && node.lease.isOpen)
  }

  /** Tries until all is there; true when it is. */
  provision(): boolean {
    for (const command of PROVISION) {
      if (this.#provisioned.has(command)) continue
      const done = this.serving?.node.store?.propose(command)
      if (done !== undefined)
        this.#frozen.watch(done.then(({ ok }) => ok && this.#provisioned.add(command)))
      return false
    }
    return true
  }

  register(): void {
    for (const phone of this.phones) this.#register(phone)
  }

  /** Until it has been told that it is. */
  #register(phone: ScriptedPhone): void {
    if (phone.status === 200) return
    phone.register(EXPIRES)
    this.world.in(millis(REGISTER_AGAIN_MS), () => this.#register(phone))
  }

  get areRegistered(): boolean {
    return this.phones.every(({ status }) => status === 200)
  }

  /** Nobody talks, and nothing is on its way. */
  get isQuiet(): boolean {
    if (this.serving === undefined) return false
    const { role, stack } = this.serving
    const { calls, cdrsWaiting } = role.counters()
    const { clients, servers, attempts } = stack.size
    return calls + cdrsWaiting + clients + servers + attempts === 0
  }

  dial(): void {
    const own = this.habits[this.world.random.below(this.habits.length)]
    if (own !== undefined) dial(own)
  }

  close(): void {
    for (const serving of this.served) serving.close()
    for (const phone of this.phones) phone.die()
    for (const node of this.group.nodes) node.shutDown()
  }

  #held(node: ReplicaNode, isHeld: boolean): void {
    for (const serving of this.served) if (serving.node === node) serving.close()
    const change = (this.#changes.get(node) ?? 0) + 1
    this.#changes.set(node, change)
    if (!isHeld) return
    const opening = millis(this.world.random.below(OPENING_MS))
    const isStill = (): boolean => this.#changes.get(node) === change && node.lease.isOpen
    node.process.soon(opening, () => this.#frozen.watch(this.#takeOffice(node, isStill)))
  }

  /** As `ClusterMember`: not before all that it proposed earlier has come to its end. */
  async #takeOffice(node: ReplicaNode, isStill: () => boolean): Promise<void> {
    const { store } = node
    if (store === undefined || !isStill()) return
    if (this.#known.has(store)) {
      const reached = await store.readLinearizable(() => undefined)
      const again = (): void => this.#frozen.watch(this.#takeOffice(node, isStill))
      if (!reached.ok) return node.process.soon(millis(ASK_AGAIN_MS), again)
      if (!isStill()) return
    }
    this.#known.add(store)
    await this.#frozen.add(this.#serve(node))
  }

  async #serve(node: ReplicaNode): Promise<void> {
    const { network, media: servers } = this
    const onMessage = (direction: 'in' | 'out', _: unknown, message: SipMessage): void =>
      this.#trace(node, direction, message)
    const address = `10.0.1.${1 + this.served.length}`
    const serving = await Serving.open({ node, network, servers, address, onMessage })
    if (serving === undefined) return
    this.world.record(`${node.id} serves, with ${serving.resumed} calls`)
    this.served.push(serving)
    for (const phone of this.phones) this.#reconnect(phone)
  }

  /** Somebody takes its phone to another network. */
  roam(): void {
    const behindOne = this.phones.filter(({ options }) => options.transport !== 'udp')
    const phone = behindOne[this.world.random.below(behindOne.length)]
    if (phone === undefined || !(phone.endpoint instanceof SimTransport)) return
    phone.endpoint.roam()
    this.#reconnect(phone)
  }

  /** It notices at some time, and registers anew. */
  #reconnect(phone: ScriptedPhone): void {
    const { endpoint } = phone
    if (phone.options.transport === 'udp' || !(endpoint instanceof SimTransport)) return
    this.world.in(millis(this.world.random.below(UNAWARE_MS)), () => {
      endpoint.disconnect()
      phone.status = 0
      this.#register(phone)
    })
  }

  /** `TRACE=text` prints the messages whose dialog has that text in a tag or the Call-ID. */
  #trace({ id }: ReplicaNode, direction: 'in' | 'out', message: SipMessage): void {
    const { headers } = message
    const names = ['call-id', 'from', 'to', 'cseq'].map((name) => headers.get(name) ?? '')
    const what = message.kind === 'request' ? message.method : String(message.status)
    this.world.record(`${id} ${direction} ${what} ${names[0]} ${names[3]}`)
    if (direction === 'out' && what === 'BYE') this.hungUp.add(names[0] ?? '')
    if (direction === 'in' && message.kind === 'response') {
      if (names[3]?.endsWith('BYE') === true) this.hungUp.delete(names[0] ?? '')
      else if (message.status === 481) this.#forgotten(names[0] ?? '')
    }
    const wanted = process.env['TRACE']
    if (wanted !== undefined && names.some((value) => value.includes(wanted)))
      console.log(`${Math.round(this.world.now)} ${id} ${direction} ${what} ${names.join(' | ')}`)
  }

  /** A phone knows nothing of what is a call here. */
  #forgotten(sipCallId: string): void {
    const call = this.serving?.role.calls().find((each) => each.sipCallIds.includes(sipCallId))
    if (call !== undefined) this.forgotten.push({ call: call.call, sipCallId })
  }

  #phone(name: string, index: number): ScriptedPhone {
    const { world, network } = this
    const [user = name] = name.split('/')
    const transport = world.random.chance(1, 3) ? 'tcp' : 'udp'
    const door = { ...OPEN, isHidden: world.random.chance(1, 2) }
    return new ScriptedPhone({
      world,
      endpoint: network.endpoint(`10.0.0.${2 + index}`, 5060, door),
      server: { transport, host: ADDRESS, port: 5060 },
      name,
      user,
      domain: DOMAIN,
      password: `pw-${user}`,
      transport,
      supported: world.random.chance(1, 3) ? ['100rel'] : [],
      instance: world.random.chance(1, 2) ? `urn:uuid:${name}` : undefined,
      allowsUpdate: world.random.chance(1, 2),
      isEphemeral: transport === 'tcp' && door.isHidden && world.random.chance(1, 2),
    })
  }
}

const AT = wallTime(0)
const PROVISION: readonly Command[] = [
  { kind: 'tenant.put', tenant: TENANT, name: 'Office', primaryDomain: DOMAIN, at: AT },
  ...USERS.map((user): Command => {
    const secret = { kind: 'password', realm: DOMAIN, password: `pw-${user}` } as const
    const put = { tenant: TENANT, user, displayName: user, enabled: true, secret, at: AT }
    return { kind: 'extension.put', ...put }
  }),
]
