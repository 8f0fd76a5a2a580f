//! The links between the nodes of a cluster: one TLS port a node, one connection a pair, both ends
//! proved by certificates of the cluster's own authority. The common name is the node.
//!
//! Of two call managers the one whose name comes first dials, and the other too when it misses it
//! for long; a server that joins dials whoever it is told. A connection that breaks is dialled
//! again, soon at first.

import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net'
import { connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { nowAndThen, type Warn } from '../base/now-and-then.ts'
import type { Cancel, Fields, Host, Subscribe } from '../base/host.ts'
import { after, millis } from '../base/time.ts'
import type { NodeId } from '../control/ids.ts'
import type { Identity } from '../x509/issue.ts'
import { keyOf, PeerConnection, type ConnectionEvents } from './connection.ts'
import { Doorkeeper, type Addresses } from './doorkeeper.ts'
import { bidFarewell, farewellOf } from './farewell.ts'
import type { Channel, Frame } from './frames.ts'
import { isNodeId } from '../store/schema/node.ts'
import { isServerId } from '../store/schema/server.ts'

const DIAL_TIMEOUT_MS = 2_000
/** Nodes, servers that have joined, and who has not shown yet who it is. */
const CONNECTIONS_MAX = 1_000
const RETRY_FIRST = 100
const RETRY_MAX = 2_000
/** Of who has been told that it is no member: it may be one again, by a backup say. */
const RETRY_DISMISSED = 60_000
/** A connection that ends sooner was not wanted: the next one is not made as soon. */
const STABLE_MS = 2_000
const TURNED_AWAY = 5
const CLOCKS = 'compare the clocks of the hosts (timedatectl)'

export type PeerAddress = { readonly id: NodeId; readonly host: string; readonly port: number }

export type LinkOptions = {
  readonly host: Host
  readonly id: NodeId
  /** Of this node, signed by the authority. */
  readonly identity: Identity
  /** The authority's certificate. */
  readonly authority: string
  /** Undefined for a server: it dials, and nobody dials it. */
  readonly listen: { readonly host: string; readonly port: number } | undefined
  /** The nodes and servers there are: a certificate outlives what it was made for. */
  readonly known?: () => readonly Known[]
  /**
   * Why this one, which is not known, is no member for sure; undefined when it may be one yet. A
   * node that may be is let in: whoever was away does not know who has joined meanwhile, and leads.
   * To turn it away would keep nobody out that means harm, for with a node's certificate comes the
   * authority's key, which signs in the name of any node that is known. A server has no such key,
   * and is let in when it is known only.
   */
  readonly farewell?: (who: Who) => string | undefined
  /** What an administrator can do when this end has been told that. */
  readonly ifDismissed?: string
  /** Takes over whoever has no certificate of the authority; without it nobody gets in. */
  readonly onStranger?: (socket: TLSSocket) => void
}

/** `key`: SHA-256 of its public key, in hex; undefined when any that was certified will do. */
type Known = Pick<PeerAddress, 'id' | 'host'> & { readonly key?: string | undefined }
type Who = Pick<PeerConnection, 'peer' | 'key'>

export type Arrived = {
  readonly from: NodeId
  readonly channel: Channel
  readonly data: Uint8Array
}
/** Up when it was up: another connection has taken the place of the one before. */
export type LinkChanged = { readonly peer: NodeId; readonly isUp: boolean; readonly why: string }

/** Rejects when the port cannot be had. */
export async function openPeerLink(options: LinkOptions): Promise<PeerLink> {
  const link = new PeerLink(options)
  if (options.listen !== undefined) await link.listen(options.listen)
  return link
}

type Dialling = { readonly address: PeerAddress; attempts: number; stop: Cancel }

export class PeerLink implements ConnectionEvents {
  readonly #options: LinkOptions
  /** Lets few in that have proved nothing, and hands them to the other. */
  readonly #door: TcpServer
  readonly #server: Server
  readonly #doorkeeper: Doorkeeper
  /** By both ends of the connection. */
  readonly #unproved = new Map<string, { readonly socket: Socket; readonly leave: () => void }>()
  /** Whoever knocks in vain does so all the time. */
  readonly #complain: Warn
  readonly #connections = new Map<NodeId, PeerConnection>()
  readonly #dialling = new Map<NodeId, Dialling>()
  readonly #arrived = new Set<(frame: Arrived) => void>()
  readonly #changed = new Set<(change: LinkChanged) => void>()
  #closed = false
  #dismissed: string | undefined

  constructor(options: LinkOptions) {
    this.#options = options
    this.#complain = nowAndThen(options.host)
    const listening = { requestCert: true, handshakeTimeout: DIAL_TIMEOUT_MS }
    const rejectUnauthorized = options.onStranger === undefined
    this.#server = createServer(
      { ...this.#credentials(), ...listening, rejectUnauthorized },
      (socket) => this.#accept(socket),
    )
    this.#server.on('tlsClientError', (error, socket) => {
      this.#complain('peer.refused', { why: whyRefused(error.message), at: socket.remoteAddress })
      // Not closed by itself when its time for a handshake is over.
      socket.destroy()
    })
    this.#doorkeeper = new Doorkeeper(() => this.#addresses())
    this.#door = createTcpServer((socket) => this.#enter(socket))
    this.#door.maxConnections = CONNECTIONS_MAX
  }

  get port(): number {
    const address = this.#door.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Why this end is no member, as who knows for sure has said; undefined while it is one. */
  get dismissed(): string | undefined {
    return this.#dismissed
  }

  /** Who is connected now. */
  get peers(): readonly NodeId[] {
    return [...this.#connections.keys()]
  }

  readonly arrived: Subscribe<Arrived> = (listener) => {
    this.#arrived.add(listener)
    return () => this.#arrived.delete(listener)
  }

  readonly changed: Subscribe<LinkChanged> = (listener) => {
    this.#changed.add(listener)
    return () => this.#changed.delete(listener)
  }

  listen({ host, port }: NonNullable<LinkOptions['listen']>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#door.once('error', reject)
      this.#door.listen(port, host, () => {
        this.#door.off('error', reject)
        // Not one connection more, for want of descriptors say: those that are there go on.
        this.#door.on('error', (error) => this.#complain('peer.refused', { why: error.message }))
        resolve()
      })
    })
  }

  /** Keeps a connection to it, from now on: the one that there is, or a new one. */
  dial(address: PeerAddress): void {
    this.#dialling.get(address.id)?.stop()
    const dialling: Dialling = { address, attempts: 0, stop: () => {} }
    this.#dialling.set(address.id, dialling)
    this.#dialNow(dialling)
  }

  /** Keeps none any more. */
  hangUp(id: NodeId): void {
    this.#dialling.get(id)?.stop()
    this.#dialling.delete(id)
    this.#connections.get(id)?.close('not wanted any more')
  }

  /** Lets go of nodes that are none any more, whoever had dialled. */
  partWithUnknown(): void {
    const isWelcome = this.#isWelcome()
    for (const connection of this.#connections.values())
      if (!isWelcome(connection)) connection.close('it is no node any more')
  }

  /** False when there is no connection, or too much waits for it. */
  send(to: NodeId, channel: Channel, data: Uint8Array): boolean {
    return this.#connections.get(to)?.send(channel, data) ?? false
  }

  /** Nothing that it says is read, or again. */
  hold(peer: NodeId, isHeld: boolean): void {
    const connection = this.#connections.get(peer)
    if (isHeld) connection?.hold('reader')
    else connection?.release('reader')
  }

  /** That are connected. */
  get servers(): number {
    return this.peers.filter(isServerId).length
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { stop } of this.#dialling.values()) stop()
    for (const connection of this.#connections.values()) connection.close('this node is closing')
    for (const { socket } of this.#unproved.values()) socket.destroy()
    if (this.#door.listening) await new Promise((resolve) => void this.#door.close(resolve))
  }

  onFrame(connection: PeerConnection, { channel, data }: Frame): void {
    const { peer } = connection
    if (channel === 'farewell') return this.#hearFarewell(connection, data)
    // Who leads, or votes with it: it is spoken to as a member.
    if (channel === 'rpc' || channel === 'raft') this.#dismissed = undefined
    // What nodes have among themselves is not for whoever works for them.
    if (channel !== 'rpc' && isServerId(peer)) return connection.close('no server says that')
    for (const listener of this.#arrived) listener({ from: peer, channel, data })
  }

  onClosed(connection: PeerConnection, why: string): void {
    const { peer } = connection
    if (this.#connections.get(peer) === connection) {
      this.#connections.delete(peer)
      this.#tell({ peer, isUp: false, why })
    }
    const dialling = this.#dialling.get(peer)
    if (dialling === undefined || this.#connections.has(peer)) return
    const { host } = this.#options
    if (host.now() - connection.since > STABLE_MS) dialling.attempts = 0
    else if (dialling.attempts === TURNED_AWAY && this.#dismissed === undefined)
      host.log('warn', 'peer.turns-us-away', { peer, why, ...this.#mend })
    this.#dialLater(dialling)
  }

  #enter(socket: Socket): void {
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const leave = this.#doorkeeper.enter(address, this.#options.host.now())
    if (leave === undefined) {
      this.#complain('peer.turned-away', {
        at: address,
        why: 'too many at once that prove nothing',
      })
      return void socket.destroy()
    }
    const ends = endsOf(socket)
    const place = { socket, leave }
    this.#unproved.set(ends, place)
    socket.once('close', () => {
      leave()
      // Not that of another, which may have come from there meanwhile.
      if (this.#unproved.get(ends) === place) this.#unproved.delete(ends)
    })
    this.#server.emit('connection', socket)
  }

  /** Where a node and a server share one, it is the node's. */
  #addresses(): Addresses {
    const kinds = new Map<string, 'node' | 'server'>()
    for (const { id, host } of this.#options.known?.() ?? [])
      if (kinds.get(host) !== 'node') kinds.set(host, isServerId(id) ? 'server' : 'node')
    return kinds
  }

  #proved(socket: TLSSocket): void {
    const ends = endsOf(socket)
    this.#unproved.get(ends)?.leave()
    this.#unproved.delete(ends)
  }

  #accept(socket: TLSSocket): void {
    const peer = peerOf(socket)
    if (peer === undefined) {
      const { onStranger } = this.#options
      const why = whyRefused(String(socket.authorizationError))
      if (onStranger !== undefined && !why.includes(CLOCKS)) return onStranger(socket)
      this.#complain('peer.refused', { why, at: socket.remoteAddress })
      return void socket.destroy()
    }
    const who = { peer, key: keyOf(socket) }
    if (peer === this.#options.id || !this.#isWelcome()(who)) {
      this.#complain('peer.unknown', { peer, at: socket.remoteAddress })
      const why = this.#options.farewell?.(who)
      return why === undefined ? void socket.destroy() : bidFarewell(socket, why)
    }
    this.#proved(socket)
    this.#keep(peer, socket)
  }

  #hearFarewell(connection: PeerConnection, data: Uint8Array): void {
    const { peer } = connection
    // Who dials knows whom it reached; who is dialled has nothing to be told.
    if (!this.#dialling.has(peer)) return connection.close('it says farewell to who did not ask')
    const why = farewellOf(data)
    const isNew = this.#dismissed === undefined
    this.#dismissed = why
    if (isNew) this.#options.host.log('error', 'peer.dismissed', { peer, why, ...this.#mend })
    connection.close(why)
  }

  get #mend(): Fields {
    const { ifDismissed: mend } = this.#options
    return mend === undefined ? {} : { mend }
  }

  #isWelcome(): (who: Who) => boolean {
    const { known: find, farewell } = this.#options
    const known = find?.()
    const isKnown = ({ peer, key }: Who): boolean =>
      known?.some((each) => each.id === peer && (each.key === undefined || each.key === key)) ??
      true
    return (who) => isKnown(who) || (isNodeId(who.peer) && farewell?.(who) === undefined)
  }

  /** The newest counts: whoever dials again has lost the one before. */
  #keep(peer: NodeId, socket: TLSSocket): void {
    const before = this.#connections.get(peer)
    const connection = new PeerConnection(peer, socket, this.#options.host, this)
    this.#connections.set(peer, connection)
    before?.close('replaced by a new connection')
    this.#tell({ peer, isUp: true, why: 'connected' })
  }

  #dialNow(dialling: Dialling): void {
    const { address } = dialling
    const { host: name, port, id } = address
    // It has dialled meanwhile.
    if (this.#connections.has(id)) return
    const { host } = this.#options
    const socket = connect({ host: name, port, timeout: DIAL_TIMEOUT_MS, ...this.#credentials() })
    const giveUp = (why: string): void => {
      socket.destroy()
      if (this.#dialling.get(id) !== dialling) return
      if (dialling.attempts === 1) host.log('warn', 'peer.unreachable', { peer: id, why })
      this.#dialLater(dialling)
    }
    const onError = (error: Error): void => giveUp(whyRefused(error.message))
    const onTimeout = (): void => giveUp('no answer')
    dialling.attempts++
    dialling.stop = () => void socket.destroy()
    socket.once('error', onError)
    socket.once('timeout', onTimeout)
    socket.once('secureConnect', () => {
      socket.off('error', onError)
      socket.off('timeout', onTimeout)
      socket.setTimeout(0)
      dialling.stop = () => {}
      const peer = peerOf(socket)
      if (peer !== id) return giveUp(`${name}:${port} is ${peer ?? 'nobody'}, not ${id}`)
      this.#keep(id, socket)
    })
  }

  #dialLater(dialling: Dialling): void {
    if (this.#closed) return
    const { host } = this.#options
    const soon = Math.min(RETRY_MAX, RETRY_FIRST * 2 ** Math.min(dialling.attempts, 8))
    const wait = this.#dismissed === undefined ? soon : RETRY_DISMISSED
    // Not all at once, when the one they all wait for is back.
    const delay = millis(wait / 2 + host.random.below(Math.ceil(wait / 2)))
    dialling.stop = host.wake(after(host.now(), delay), () => this.#dialNow(dialling))
  }

  #tell(change: LinkChanged): void {
    const level = this.#dismissed === undefined ? 'info' : 'debug'
    this.#options.host.log(level, change.isUp ? 'peer.connected' : 'peer.disconnected', change)
    for (const listener of this.#changed) listener(change)
  }

  /** The name is in the certificate, and looked at afterwards: peers have more than one address. */
  #credentials() {
    const { identity, authority } = this.#options
    return {
      // With the authority's: who joins knows no more of us than its fingerprint.
      cert: `${identity.certificate}${authority}`,
      key: identity.key,
      ca: authority,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      checkServerIdentity: () => undefined,
    } as const
  }
}

/** Who leads has two addresses, and the same end over there may be connected to both. */
function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`
}

/** What OpenSSL says, and what is behind it. */
function whyRefused(message: string): string {
  return /not.yet.valid|expired/i.test(message) ? `${message}: ${CLOCKS}` : message
}

function peerOf(socket: TLSSocket): NodeId | undefined {
  const { subject } = socket.getPeerCertificate()
  const name: unknown = socket.authorized ? subject.CN : undefined
  return typeof name === 'string' && name !== '' ? (name as NodeId) : undefined
}
