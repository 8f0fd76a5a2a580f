//! The scene of a ladder script: the product in a simulated world, phones around it, and what went
//! over the wire since the last command.

import { millis, type Millis } from '../../src/base/time.ts'
import { countCdrs } from '../../src/store/schema/cdr.ts'
import { savedCalls } from '../../src/store/schema/call.ts'
import type { SipMessage, SipRequest } from '../../src/sip/message/message.ts'
import type { FlowId, Source, Target, TransportName } from '../../src/sip/transaction/flow.ts'
import type { MessageTap } from '../../src/sip/stack.ts'
import type { CallConfig } from '../../roles/call-manager/call/call.ts'
import { Ladder, type Rung } from '../harness/ladder.ts'
import type { PhoneCall } from '../harness/phone-call.ts'
import { ScriptedPhone } from '../harness/phone.ts'
import { pass } from '../harness/settle.ts'
import { OPEN, SimNetwork } from '../harness/sim-network.ts'
import { DOMAIN, SimPbx } from '../harness/sim-pbx.ts'
import { World } from '../harness/world.ts'

const PBX = 'pbx'

export type Fitting = {
  readonly transport: TransportName
  readonly supported: readonly string[]
  readonly allowsUpdate: boolean
  readonly isHidden: boolean
  readonly instance: string | undefined
  readonly isEphemeral: boolean
  readonly password: string | undefined
}

export class Office {
  readonly world: World
  readonly network: SimNetwork
  readonly pbx: SimPbx
  readonly phones = new Map<string, ScriptedPhone>()
  /** The last INVITE of each phone. */
  readonly invites = new Map<string, SipRequest>()
  ladder = new Ladder([PBX])
  /** Registrations and challenges are only drawn when a script is about them. */
  quiet = false
  #rungs: Rung[] = []
  readonly #names = new Map<string, string>()
  readonly #flows = new Map<FlowId, string>()
  #drawn = false
  #moves = 0

  static async open(config: Partial<CallConfig>, hasSuccessor: boolean): Promise<Office> {
    const network = new SimNetwork(new World(1))
    const taps: MessageTap[] = []
    const onMessage: MessageTap = (...heard) => {
      for (const tap of taps) tap(...heard)
    }
    const given = { onMessage, config, hasSuccessor }
    const pbx = await SimPbx.open({ network, address: '10.0.0.1', ...given })
    const office = new Office(network, pbx)
    taps.push((direction, peer, message) => office.#onMessage(direction, peer, message))
    return office
  }

  private constructor(network: SimNetwork, pbx: SimPbx) {
    this.world = network.world
    this.network = network
    this.pbx = pbx
  }

  #onMessage(direction: 'in' | 'out', peer: Source | FlowId | Target, message: SipMessage): void {
    const name = this.#nameOf(peer)
    const [from, to] = direction === 'in' ? [name, PBX] : [PBX, name]
    if (direction === 'in' && message.kind === 'request' && message.method === 'INVITE')
      this.invites.set(name, message)
    if (!this.quiet) this.#rungs.push({ at: this.world.now, from, to, message })
  }

  /** `name` may be a second device of a user: `bob/mobile`. */
  phone(name: string, fitting: Fitting): void {
    const [user = name] = name.split('/')
    const address = `10.0.0.${2 + this.phones.size}`
    this.#names.set(address, name)
    const password = `pw-${user}`
    if (!name.includes('/')) this.pbx.extension(user, password)
    const phone = new ScriptedPhone({
      world: this.world,
      endpoint: this.network.endpoint(address, 5060, { ...OPEN, isHidden: fitting.isHidden }),
      server: this.pbx.endpoint.target(fitting.transport),
      name,
      user,
      domain: DOMAIN,
      password: fitting.password ?? password,
      transport: fitting.transport,
      supported: fitting.supported,
      instance: fitting.instance,
      isEphemeral: fitting.isEphemeral,
      allowsUpdate: fitting.allowsUpdate,
    })
    this.phones.set(name, phone)
  }

  disconnect(name: string): void {
    for (const [flow, each] of this.#flows) if (each === name) this.pbx.endpoint.close(flow)
  }

  /** The phone comes up in another network, at an address that nobody has seen. */
  move(name: string): void {
    const phone = this.find(name)
    const address = `10.0.9.${++this.#moves}`
    this.network.remove(phone.endpoint)
    this.#names.set(address, name)
    phone.move(this.network.endpoint(address))
  }

  columns(names: readonly string[]): void {
    this.ladder = new Ladder(names)
  }

  async pass(delay: Millis): Promise<void> {
    await pass(this.world, delay)
  }

  find(name: string): ScriptedPhone {
    const phone = this.phones.get(name)
    if (phone === undefined) throw new Error(`there is no phone ${name}`)
    return phone
  }

  /** The newest call of the phone, or with `name#1` its first. */
  callOf(name: string): PhoneCall {
    const [who = '', which] = name.split('#')
    const { calls } = this.find(who)
    const call = which === undefined ? calls.at(-1) : calls[Number(which) - 1]
    if (call === undefined) throw new Error(`${name} has no call`)
    return call
  }

  draw(): string[] {
    const rungs = this.#rungs
    this.#rungs = []
    const lines = rungs.flatMap((rung) => this.ladder.lines(rung))
    if (lines.length > 0 && !this.#drawn) {
      this.#drawn = true
      lines.unshift(this.ladder.head())
    }
    return lines
  }

  /** What is left alive; all zero when nothing leaks. */
  async left(): Promise<string> {
    await this.pass(millis(200_000))
    const { role, media, stack, store } = this.pbx
    const { calls, cdrsWaiting, call } = role.counters()
    const { clients, servers } = stack.size
    const saved = store.read(savedCalls).length
    const cdrs = store.read(countCdrs)
    return (
      `calls ${calls}, saved ${saved}, cdrs ${cdrs} of ${call.began}, waiting ${cdrsWaiting}, ` +
      `media ${media.sessions.size}, transactions ${clients + servers}, bugs ${call.bugs}`
    )
  }

  #nameOf(peer: Source | FlowId | Target): string {
    if (typeof peer === 'object' && 'flow' in peer) {
      const name = this.#names.get(peer.address) ?? peer.address
      this.#flows.set(peer.flow, name)
      return name
    }
    if (typeof peer === 'object') return this.#names.get(peer.host) ?? peer.host
    const known = this.#flows.get(peer)
    if (known !== undefined) return known
    const address = peer.split(':')[1] ?? peer
    return this.#names.get(address) ?? peer
  }
}
