//! A simulated network of SIP transports: real bytes, bad datagrams, faithful streams.

import type { Cancel, Subscribe } from '../../src/base/host.ts'
import { millis, type Millis } from '../../src/base/time.ts'
import { request as sipRequest, type SipMessage } from '../../src/sip/message/message.ts'
import { parseMessage } from '../../src/sip/message/parse.ts'
import { serialize } from '../../src/sip/message/serialize.ts'
import { formatVia, parseVia, withReceived } from '../../src/sip/message/via.ts'
import { topVia } from '../../src/sip/message/views.ts'
import type {
  LocalAddress,
  Received,
  SendFailure,
  SipTransport,
} from '../../src/sip/stack/sip-transport.ts'
import type { FlowId, Source, Target, TransportName } from '../../src/sip/transaction/flow.ts'
import type { World } from './world.ts'

export type Faults = {
  /** Of datagrams. */
  readonly lossPercent: number
  readonly duplicatePercent: number
  /** Of datagrams, each by itself, so that they overtake one another; of streams, in order. */
  readonly delayMin: Millis
  readonly delayMax: Millis
}

/** Between a host and the network: a gate in its kernel, a process that may be stopped. */
export type Door = {
  readonly isOpen: () => boolean
  /** What has come is handled there, now or later, or never. */
  readonly enter: (handle: () => void) => void
  /** Nobody can connect to it: it is behind a NAT. */
  readonly isHidden?: boolean
}

const EPHEMERAL = 40_000

export const OPEN: Door = { isOpen: () => true, enter: (handle) => handle() }

const NO_FAULTS: Faults = {
  lossPercent: 0,
  duplicatePercent: 0,
  delayMin: millis(1),
  delayMax: millis(1),
}

/** RFC 3261 §18.1.1. */
const DATAGRAM_MAX = 1_300

type Connection = {
  readonly id: string
  readonly transport: TransportName
  readonly ends: readonly [SimTransport, SimTransport]
  /** By end: when the last message to it arrives. */
  readonly arrives: [Millis, Millis]
  open: boolean
}

export class SimNetwork {
  readonly world: World
  faults: Faults
  readonly #endpoints = new Map<string, SimTransport>()
  readonly #removed = new Map<string, SimTransport>()
  #connections = 0

  constructor(world: World, faults: Faults = NO_FAULTS) {
    this.world = world
    this.faults = faults
  }

  /** Listens on `address:port`, on every transport at once. */
  endpoint(address: string, port = 5060, door: Door = OPEN): SimTransport {
    const made = new SimTransport(this, address, port, door)
    this.#endpoints.set(`${address}:${port}`, made)
    return made
  }

  /**
   * The host vanishes, unless another has its address by now: no answers, no refusals, connections
   * just silent.
   */
  remove(gone: Pick<SimTransport, 'address' | 'port'>): void {
    const name = `${gone.address}:${gone.port}`
    const endpoint = this.#endpoints.get(name)
    if (endpoint === undefined || endpoint !== gone) return
    this.#removed.set(name, endpoint)
    this.#endpoints.delete(name)
  }

  restore({ address, port }: Pick<SimTransport, 'address' | 'port'>): void {
    const name = `${address}:${port}`
    const endpoint = this.#removed.get(name)
    if (endpoint !== undefined) this.#endpoints.set(name, endpoint)
  }

  find(host: string, port: number): SimTransport | undefined {
    return this.#endpoints.get(`${host}:${port}`)
  }

  delay(): Millis {
    const { delayMin, delayMax } = this.faults
    return millis(delayMin + this.world.random.below(delayMax - delayMin + 1))
  }

  datagram(deliver: () => void): void {
    const { random } = this.world
    const copies = random.chance(this.faults.duplicatePercent, 100) ? 2 : 1
    for (let copy = 0; copy < copies; copy++)
      if (!random.chance(this.faults.lossPercent, 100)) this.world.in(this.delay(), deliver)
  }

  /** Of the next connection, at the end that makes it. */
  get nextPort(): number {
    return EPHEMERAL + this.#connections + 1
  }

  connect(transport: TransportName, from: SimTransport, to: SimTransport): Connection {
    const id = `${transport}#${++this.#connections}`
    const { now } = this.world
    return { id, transport, ends: [from, to], arrives: [now, now], open: true }
  }

  /** In order: nothing overtakes what was sent before it. */
  stream(connection: Connection, toward: 0 | 1, deliver: () => void): void {
    const at = Math.max(connection.arrives[toward], this.world.now + this.delay())
    connection.arrives[toward] = millis(at)
    this.world.at(millis(at), deliver)
  }
}

export class SimTransport implements SipTransport {
  readonly address: string
  readonly port: number
  readonly #network: SimNetwork
  readonly #door: Door
  readonly #received = new Listeners<Received>()
  readonly #failed = new Listeners<SendFailure>()
  readonly #flowClosed = new Listeners<FlowId>()
  readonly #connections = new Map<string, Connection>()
  /** Connections this end made, by where to. */
  readonly #made = new Map<string, { readonly target: Target; readonly connection: Connection }>()
  readonly received: Subscribe<Received> = (listener) => this.#received.add(listener)
  readonly failed: Subscribe<SendFailure> = (listener) => this.#failed.add(listener)
  readonly flowClosed: Subscribe<FlowId> = (listener) => this.#flowClosed.add(listener)

  constructor(network: SimNetwork, address: string, port: number, door: Door) {
    this.#network = network
    this.#door = door
    this.address = address
    this.port = port
  }

  target(transport: TransportName): Target {
    return { transport, host: this.address, port: this.port }
  }

  localAddress(to: FlowId | Target): LocalAddress | undefined {
    const { address, port } = this
    if (typeof to !== 'string') return { transport: to.transport, address, port }
    if (to.startsWith('udp:')) return { transport: 'udp', address, port }
    const connection = this.#connections.get(to)
    return connection && { transport: connection.transport, address, port }
  }

  /** That its connection to there has, or that the one will have which it makes next. */
  portToward(to: Target): number {
    const made = this.#made.get(nameOf(to))?.connection
    return made?.open === true ? portOf(made) : this.#network.nextPort
  }

  send(to: FlowId | Target, message: SipMessage, bytes: Uint8Array = serialize(message)): void {
    if (!this.#door.isOpen()) return
    if (typeof to === 'string') return this.#sendOnFlow(to, message, bytes)
    if (to.transport === 'udp' && bytes.length > DATAGRAM_MAX && message.kind === 'request') {
      const tcp: Target = { ...to, transport: 'tcp' }
      return this.send(tcp, overTcp(message))
    }
    if (to.transport === 'udp') return this.#sendDatagram(to.host, to.port, bytes)
    return this.#sendOnConnection(to, message, bytes)
  }

  /** Both ends see it close. */
  close(flow: FlowId): void {
    const connection = this.#connections.get(flow)
    if (connection === undefined) return
    for (const end of connection.ends) this.#network.world.at(this.now, () => end.#lose(connection))
  }

  /** The process is killed: nobody closes its connections, but nothing goes through them. */
  reset(): void {
    for (const { ends, id } of this.#connections.values())
      for (const end of ends) end.#loseLater(id)
    this.#made.clear()
  }

  /** Both ends see them all close: its address is another one now, or its NAT has forgotten it. */
  roam(): void {
    for (const id of this.#connections.keys()) this.close(id as FlowId)
  }

  /** Those whose other end is gone: who has its address now knows nothing of them. */
  disconnect(): void {
    for (const { id, ends } of this.#connections.values()) {
      const isGone = ends.some((end) => this.#network.find(end.address, end.port) !== end)
      if (isGone) this.#loseLater(id)
    }
  }

  #loseLater(id: string): void {
    const connection = this.#connections.get(id)
    if (connection !== undefined) this.#network.world.at(this.now, () => this.#lose(connection))
  }

  get now(): Millis {
    return this.#network.world.now
  }

  #sendOnFlow(flow: FlowId, message: SipMessage, bytes: Uint8Array): void {
    if (flow.startsWith('udp:')) {
      const colon = flow.lastIndexOf(':')
      return this.#sendDatagram(flow.slice(4, colon), Number(flow.slice(colon + 1)), bytes)
    }
    const connection = this.#connections.get(flow)
    if (connection === undefined) return this.#fail(flow, 'no such flow', message)
    return this.#write(connection, bytes)
  }

  #sendDatagram(host: string, port: number, bytes: Uint8Array): void {
    const { address, port: localPort } = this
    this.#network.datagram(() => {
      const receiver = this.#network.find(host, port)
      receiver?.deliver(bytes, {
        flow: `udp:${address}:${localPort}` as FlowId,
        transport: 'udp',
        address,
        port: localPort,
        localAddress: host,
        localPort: port,
      })
    })
  }

  #sendOnConnection(to: Target, message: SipMessage, bytes: Uint8Array): void {
    const name = nameOf(to)
    const made = this.#made.get(name)?.connection
    if (made?.open === true) return this.#write(made, bytes)
    const peer = this.#network.find(to.host, to.port)
    if (peer === undefined || peer.#door.isHidden === true)
      return this.#fail(to, 'ECONNREFUSED', message)
    const connection = this.#network.connect(to.transport, this, peer)
    this.#made.set(name, { target: to, connection })
    for (const end of connection.ends) end.#connections.set(connection.id, connection)
    return this.#write(connection, bytes)
  }

  #write(connection: Connection, bytes: Uint8Array): void {
    const toward = connection.ends[0] === this ? 1 : 0
    const receiver = connection.ends[toward]
    // An ephemeral port at the connecting end: only the flow leads back there.
    const remotePort = toward === 1 ? portOf(connection) : this.port
    const source: Source = {
      flow: connection.id as FlowId,
      transport: connection.transport,
      address: this.address,
      port: remotePort,
      localAddress: receiver.address,
      localPort: receiver.port,
    }
    this.#network.stream(connection, toward, () => {
      if (connection.open) receiver.deliver(bytes, source)
    })
  }

  deliver(bytes: Uint8Array, source: Source): void {
    const parsed = parseMessage(bytes)
    if (!parsed.ok || this.#network.find(this.address, this.port) !== this) return
    if (!this.#door.isOpen()) return
    const message = parsed.value
    if (message.kind === 'request') stamp(message, source)
    this.#door.enter(() => this.#received.tell({ source, message, bytes }))
  }

  #lose(connection: Connection): void {
    if (!this.#connections.delete(connection.id)) return
    connection.open = false
    for (const [name, { target, connection: made }] of this.#made) {
      if (made !== connection) continue
      this.#made.delete(name)
      this.#failed.tell({ target, cause: 'closed' })
    }
    this.#flowClosed.tell(connection.id as FlowId)
  }

  #fail(target: FlowId | Target, cause: string, message: SipMessage): void {
    this.#network.world.in(this.#network.delay(), () => {
      this.#failed.tell({ target, cause, message })
    })
  }
}

function nameOf({ transport, host, port }: Target): string {
  return `${transport}:${host}:${port}`
}

function portOf({ id }: Connection): number {
  return EPHEMERAL + Number(id.split('#')[1])
}

class Listeners<Event> {
  readonly #listeners = new Set<(event: Event) => void>()

  add(listener: (event: Event) => void): Cancel {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(event: Event): void {
    for (const listener of this.#listeners) listener(event)
  }
}

/** RFC 3261 §18.2.1, RFC 3581. */
function stamp(message: SipMessage, source: Source): void {
  const via = topVia(message)
  if (via === undefined) return
  const stamped = formatVia(withReceived(via, source.address, source.port))
  message.headers.dropFirst('via').prepend('via', stamped)
}

function overTcp(message: SipMessage): SipMessage {
  if (message.kind === 'response') return message
  const headers = message.headers.copy()
  const [own] = headers.list('via')
  const via = own === undefined ? undefined : parseVia(own)
  if (via !== undefined)
    headers.dropFirst('via').prepend('via', formatVia({ ...via, transport: 'TCP' }))
  return sipRequest(message.method, message.uri, headers, message.body)
}
