//! A small office over the simulated network: the event server and the message room on a real
//! stack at 10.0.0.1, phones with stacks of their own, and every message on the wire as one line.

import type { Unproven } from '../../../../roles/call-manager/call/hop.ts'
import { millis, wallTime, type Millis } from '../../../../src/base/time.ts'
import type { Cancel, Host } from '../../../../src/base/host.ts'
import type { TenantId } from '../../../../src/control/ids.ts'
import type { SipRequest } from '../../../../src/sip/message/message.ts'
import { parseUri } from '../../../../src/sip/message/uri.ts'
import { reply } from '../../../../src/sip/message/reply.ts'
import { toTag } from '../../../../src/sip/message/views.ts'
import { createSipStack } from '../../../../src/sip/stack.ts'
import type { FlowId, Source } from '../../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../../src/sip/transaction/keys.ts'
import {
  startEvents,
  type RunningEvents,
} from '../../../../roles/call-manager/events/events-host.ts'
import type { WatchedDialog } from '../../../../roles/call-manager/events/watched-dialog.ts'
import {
  startMessages,
  type RunningMessages,
} from '../../../../roles/call-manager/message/message-host.ts'
import type { Directory, Extension, Tenant } from '../../../../roles/call-manager/directory.ts'
import type { Binding, Location, LocationChange } from '../../../../roles/call-manager/location.ts'
import { SimNetwork } from '../../../harness/sim-network.ts'
import { World } from '../../../harness/world.ts'
import { OfficeStore } from './office-store.ts'
import { Phone, type PhoneKind } from './office-phone.ts'
import { gist } from './gist.ts'

const TENANTS: readonly Tenant[] = ['pbx.example', 'other.example'].map((domain) => ({
  id: domain as TenantId,
  name: domain,
  primaryDomain: domain,
  domains: [domain],
}))
const USERS: readonly string[] = ['alice', 'bob', 'carol', 'mallory']

const NOTHING_SPECIAL = {
  regId: undefined,
  path: [],
  behindNat: false,
  reachable: true,
  userAgent: '',
  callId: 'r',
  cseq: 1,
  pubGruu: undefined,
  expiresAt: millis(Number.MAX_SAFE_INTEGER),
}

export class Office {
  readonly world = new World(1)
  readonly lines: string[] = []
  readonly store = new OfficeStore('pbx.example' as TenantId, 'pbx.example', wallTime(0))
  readonly phones = new Map<string, Phone>()
  /** What the offline store, if there is one, has taken over. */
  readonly kept: string[] = []
  keeps = false
  #dialogs: readonly WatchedDialog[] = []
  readonly #network = new SimNetwork(this.world)
  readonly #home = this.#network.endpoint('10.0.0.1')
  readonly #bindings = new Map<string, Binding[]>()
  readonly #flows = new Map<string, Source>()
  readonly #located = new Set<(change: LocationChange) => void>()
  readonly #rung = new Set<(dialog: WatchedDialog) => void>()
  #node: Node

  constructor() {
    this.#node = this.#start()
  }

  get size(): string {
    const { subscriptions, publications } = this.#node.events.size
    const saved = this.store.count('subscriptions')
    const open = `${subscriptions} subscriptions, ${publications} publications`
    return `${open}, ${saved} saved, ${this.#node.messages.size} messages under way`
  }

  phone(name: string, address: string, options: Omit<PhoneKind, 'name'>): void {
    const { world } = this
    const endpoint = this.#network.endpoint(address)
    const server = this.#home.target(options.transport)
    this.phones.set(name, new Phone({ ...options, name, world, endpoint, server }))
    this.#names.set(address, name)
  }

  /** As if its REGISTER had come by the connection it used last. */
  register(name: string, q: number): void {
    const phone = this.#phone(name)
    const uri = parseUri(phone.contact)
    if (uri === undefined) return
    const flow = this.#flows.get(name)?.flow
    const transport = uri.params.get('transport') === 'tcp' ? 'tcp' : 'udp'
    const binding: Binding = {
      ...NOTHING_SPECIAL,
      aor: phone.aor,
      contact: phone.contact,
      uri,
      q,
      instance: phone.instance,
      flow: flow ?? (`udp:${uri.host}:${uri.port ?? 5060}` as FlowId),
      target: { transport, host: uri.host, port: uri.port ?? 5060 },
      transport,
      registeredAt: this.world.now,
    }
    const others = (this.#bindings.get(phone.aor) ?? []).filter(
      ({ contact }) => contact !== phone.contact,
    )
    this.#bindings.set(phone.aor, [...others, binding])
    this.#tellLocation(phone, 'registered')
  }

  unregister(name: string): void {
    const phone = this.#phone(name)
    this.#bindings.delete(phone.aor)
    this.#tellLocation(phone, 'unregistered')
  }

  dialog(dialog: WatchedDialog): void {
    this.#dialogs = this.#dialogs.filter(({ id }) => id !== dialog.id)
    if (dialog.state !== 'terminated') this.#dialogs = [...this.#dialogs, dialog]
    for (const listener of this.#rung) listener(dialog)
  }

  /** The extension is made, as it was until now only in the directory's word, and removed. */
  remove(user: string): void {
    const tenant = 'pbx.example' as TenantId
    const secret = { kind: 'sealed', realm: tenant, sealed: new Uint8Array(8) } as const
    const names = { tenant, user, displayName: '', enabled: true, at: wallTime(0) }
    this.store.run({ kind: 'extension.put', ...names, secret })
    this.store.run({ kind: 'extension.remove', tenant, user })
  }

  /** Its connection breaks; it may connect anew. */
  disconnect(name: string): void {
    const flow = this.#flows.get(name)?.flow
    if (flow !== undefined) this.#home.close(flow)
  }

  /** The host is switched off. */
  vanish(address: string): void {
    const endpoint = this.#network.find(address, 5060)
    if (endpoint !== undefined) this.#network.remove(endpoint)
  }

  /** The node dies and another starts on its store. */
  restart(clockAhead: number): void {
    this.#node.die()
    this.#node = this.#start(clockAhead)
  }

  #start(clockAhead = 0): Node {
    const sound = withTicks(this.world.host('pbx'))
    const host = { ...sound, wall: () => wallTime(sound.wall() + clockAhead) }
    const stack = createSipStack({
      host: this.world.host('stack'),
      transport: this.#home,
      resolve: (uri, found) => {
        const transport = uri.params.get('transport') === 'tcp' ? 'tcp' : 'udp'
        found([{ transport, host: uri.host, port: uri.port ?? 5060 }])
      },
      onMessage: (direction, peer, message) => {
        const name = this.#nameOf(peer)
        const arrow = direction === 'in' ? `${name} -> pbx` : `pbx -> ${name}`
        this.lines.push(`${Math.round(this.world.now)}ms ${arrow}: ${gist(message)}`)
      },
    })
    const location: Location = {
      lookup: (aor) => this.#bindings.get(aor)?.toSorted((a, b) => b.q - a.q) ?? [],
      bindings: (aor) => this.#bindings.get(aor) ?? [],
      byGruu: (uri) => {
        const owned = this.#bindings.get(`sip:${uri.user}@${uri.host}`) ?? []
        return owned.filter(({ instance }) => instance === uri.params.get('gr'))
      },
      aors: () => this.#bindings.keys(),
      size: this.#bindings.size,
      changed: (listener) => subscribed(this.#located, listener),
    }
    const dialogs = {
      of: (aor: string) => this.#dialogs.filter((each) => each.aor === aor),
      changed: (listener: (dialog: WatchedDialog) => void) => subscribed(this.#rung, listener),
    }
    const { store } = this
    const contact = (): string => '<sip:pbx@10.0.0.1:5060>'
    const shared = { host, stack, directory: DIRECTORY, location }
    const door = {
      proves: ({ request, key, source, aor }: Unproven) => {
        const is = this.#phone(this.#nameOf(source)).aor === aor
        if (!is) stack.respond(key, reply(request, 407))
        return is
      },
    }
    const events = startEvents({ ...shared, store, dialogs, contact, door })
    const keep = (message: SipRequest, sender: Extension, callee: Extension): boolean => {
      if (this.keeps) this.kept.push(`${sender.user} to ${callee.user}: ${gist(message)}`)
      return this.keeps
    }
    const messages = startMessages({ ...shared, keep })
    const close = stack.start({
      onRequest: (request, key, source) => {
        const name = this.#nameOf(source)
        this.#flows.set(name, source)
        const phone = this.#phone(name)
        dispatch({ events, messages }, request, { key, source, sender: senderOf(phone) })
      },
      onCancel: () => {},
      onAck: () => {},
      onStrayResponse: () => {},
      onServerFailed: () => {},
    })
    const die = (): void => {
      events.stop()
      messages.stop()
      close()
    }
    return { events, messages, die }
  }

  #phone(name: string): Phone {
    const phone = this.phones.get(name)
    if (phone === undefined) throw new Error(`the office has no phone ${name}`)
    return phone
  }

  #tellLocation({ aor, contact }: Phone, event: LocationChange['event']): void {
    for (const listener of this.#located) listener({ aor, contact, event })
  }

  readonly #names = new Map<string, string>()

  #nameOf(peer: Source | FlowId | { readonly host: string }): string {
    if (typeof peer === 'object' && 'address' in peer)
      return this.#names.get(peer.address) ?? peer.address
    if (typeof peer === 'object') return this.#names.get(peer.host) ?? peer.host
    for (const [name, { flow }] of this.#flows) if (flow === peer) return name
    const host = peer.split(':')[1] ?? ''
    return this.#names.get(host) ?? peer
  }
}

type Node = {
  readonly events: RunningEvents
  readonly messages: RunningMessages
  readonly die: Cancel
}

/** A real clock goes on between two looks at it, and does not stand at whole milliseconds. */
function withTicks(host: Host): Host {
  let at = host.now()
  let looks = 0
  const now = (): Millis => {
    looks = host.now() === at ? looks + 1 : 0
    at = host.now()
    return millis(at + 0.1 + looks / 1_000)
  }
  return { ...host, now }
}

type Arrival = {
  readonly key: ServerKey
  readonly source: Source
  readonly sender: Extension
}

function dispatch(
  { events, messages }: Pick<Node, 'events' | 'messages'>,
  request: SipRequest,
  { key, source, sender }: Arrival,
): void {
  if (request.method === 'SUBSCRIBE' && toTag(request) !== undefined)
    return events.takeInDialog(request, key, source)
  if (request.method === 'MESSAGE') messages.take(request, key, source, sender)
  else events.take(request, key, source, sender)
}

/** Authentication is somebody else's room: here everybody is known by their address. */
function senderOf({ aor }: Phone): Extension {
  const { user = '', host = '' } = parseUri(aor) ?? {}
  const tenant = DIRECTORY.tenantOf(host)
  const sender = tenant && DIRECTORY.extension(tenant.id, user)
  if (sender === undefined) throw new Error(`the office has no user ${aor}`)
  return sender
}

const DIRECTORY: Directory = {
  tenantOf: (domain) => TENANTS.find(({ domains }) => domains.includes(domain)),
  extension: (tenant, user) => {
    if (!USERS.includes(user)) return undefined
    const names = { user, displayName: user === 'bob' ? 'Bob B.' : '' }
    return { tenant, ...names, domain: tenant, aor: `sip:${user}@${tenant}`, enabled: true }
  },
  credentials: () => undefined,
}

function subscribed<Event>(
  listeners: Set<(event: Event) => void>,
  listener: (event: Event) => void,
): Cancel {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
