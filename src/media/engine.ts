//! One worker's media engine: hub, sockets, switchboard, player and sweep put together. Carries
//! out requests in the order they came.

import type { Host } from '../base/host.ts'
import { err, ok, type Result } from '../base/result.ts'
import { after, millis, seconds, type Millis } from '../base/time.ts'
import type {
  MediaEvent,
  MediaFailure,
  MediaId,
  MediaReport,
  Sdp,
} from '../control/media-control.ts'
import type { UdpHub, UdpHubOptions } from '../native/udp.ts'
import { answerHere, feed } from './answering.ts'
import { Board } from './board.ts'
import { boundAddresses, type Addresses, type Interface } from './faces.ts'
import { Forwarder } from './forwarder.ts'
import { serializeSdp } from '../sdp/serialize.ts'
import { connect, relayAnswer, relayOffer, withdrawOffer } from './negotiation.ts'
import { rejected, sdp } from './outcome.ts'
import { Player } from './player.ts'
import type { PortRange } from './port-pool.ts'
import { PortStock, type PortPair } from './port-stock.ts'
import type { Answer, MediaRequest, MediaStatus } from './protocol.ts'
import { silentFor } from './silence.ts'
import type { Sounds } from './sounds.ts'
import type { Stream } from './stream.ts'

export type EngineOptions = {
  /** Sockets that media may hold open. */
  readonly socketsMax: number
  readonly addresses: Addresses
  readonly ports: PortRange
  /** Milliseconds without a packet from a leg that should send before `rtp-timeout`. */
  readonly silenceLimit: number
}

/** The world, lent: the worker gives the real one, tests a simulated one. */
export type EngineHost = Host & {
  readonly openHub: (options: UdpHubOptions<unknown>) => UdpHub<unknown>
  readonly interfaces: () => readonly Interface[]
  readonly emit: (event: MediaEvent) => void
}

type Waiting = { readonly request: MediaRequest; readonly done: (answer: Answer) => void }

/** A datagram longer than an Ethernet frame is no sound and no picture of a phone. */
const DATAGRAM_MAX = 2048
const SWEEP_EVERY = seconds(1)

export class MediaEngine {
  readonly #options: EngineOptions
  readonly #host: EngineHost
  readonly #hub: UdpHub<unknown>
  readonly #board: Board
  readonly #player: Player
  readonly #forwarder: Forwarder
  readonly #stocks: readonly PortStock<Stream>[]
  readonly #waiting: Waiting[] = []
  #busy = false
  #draining = false
  #closed = false

  constructor(options: EngineOptions, sounds: Sounds, host: EngineHost) {
    this.#options = options
    this.#host = host
    const hub = host.openHub({
      onBatch: (batch) => this.#forwarder.onBatch(batch),
      // A phone that is gone answers by ICMP; silence detection is what tells of it.
      onFailure: () => undefined,
      datagramMax: DATAGRAM_MAX,
    })
    const bySocket: (PortPair<Stream> | undefined)[] = []
    const { random, log } = host
    const { addresses, ports: range, socketsMax } = options
    const bound = boundAddresses(addresses)
    const shared = { hub, range, random, log, bySocket }
    const openMax = Math.floor(socketsMax / 2 / bound.length)
    const stocks = bound.map((address) => {
      return [address, new PortStock<Stream>({ ...shared, address, openMax })] as const
    })
    this.#hub = hub
    this.#stocks = stocks.map(([, stock]) => stock)
    this.#board = new Board({ ...host, addresses, hub, stocks: new Map(stocks) })
    this.#player = new Player(sounds, { ...host, hub })
    this.#forwarder = new Forwarder(this.#board, bySocket, (batch, index, peer) =>
      hub.forward(batch, index, peer),
    )
    this.#sweepAt(after(host.now(), SWEEP_EVERY))
  }

  get path(): 'batched' | 'dgram' {
    return this.#hub.kind
  }

  /** Opens the first ports; the error says why none could be. */
  async start(): Promise<Result<void, string>> {
    await this.#fill()
    if (this.#stocks.every((stock) => stock.counts().ready > 0)) return ok(undefined)
    const { bind } = this.#options.addresses
    const { first, last } = this.#options.ports
    return err(
      `none of the media ports ${first}-${last} can be opened on ${bind}: ` +
        'if it is no address of this host, name one with --address, else others with --rtp-ports',
    )
  }

  /** Calls `done` when the request is carried out: at once, unless ports must be opened first. */
  handle(request: MediaRequest, done: (answer: Answer) => void): void {
    this.#waiting.push({ request, done })
    if (!this.#busy) this.#work()
  }

  async stop(): Promise<void> {
    this.#closed = true
    for (const id of this.#board.sessions.keys()) this.#release(id)
    await this.#hub.close()
  }

  #work(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.done(this.#carryOut(next.request))
      if (this.#stocks.every((stock) => stock.isReady())) continue
      this.#busy = true
      // `fill` never fails: what it could not open, it has logged, and requests say no-capacity.
      void this.#fill().then(() => {
        this.#busy = false
        this.#work()
      })
      return
    }
  }

  #carryOut(request: MediaRequest): Answer {
    switch (request.method) {
      case 'relayOffer':
      case 'answerHere':
        return this.#begin(request)
      case 'relayAnswer':
        return relayAnswer(this.#board, request.request)
      case 'withdrawOffer':
        return withdrawOffer(this.#board, request.request)
      case 'connect':
        return connect(this.#board, request.request)
      case 'feed':
        return feed(this.#board, this.#player, request.media, request.source)
      case 'release':
        return request.media.map((id) => this.#release(id))
      case 'resume':
        return this.#live(request.media, request.agreed)
      case 'describe':
        return this.#describe(request.media)
      case 'sessions':
        return [...this.#board.sessions.keys()]
      case 'status':
        return this.status()
      case 'drain':
        this.#draining = true
        return undefined
    }
  }

  #begin(request: MediaRequest & { readonly method: 'relayOffer' | 'answerHere' }): Answer {
    const { sessions } = this.#board
    if (request.method === 'answerHere') {
      if (this.#draining && !sessions.has(request.request.media))
        return err({ kind: 'no-capacity' })
      return answerHere(this.#board, this.#player, request.request)
    }
    const { from, to } = request.request
    if (from === to) return rejected('a leg cannot be put its own offer')
    const known = sessions.has(from) || sessions.has(to)
    if (this.#draining && !known) return err({ kind: 'no-capacity' })
    return relayOffer(this.#board, request.request)
  }

  #live(media: readonly MediaId[], agreed: readonly MediaId[] = []): boolean {
    const { sessions } = this.#board
    const isAgreed = (id: MediaId): boolean => sessions.get(id)?.described !== undefined
    return media.every((id) => sessions.has(id)) && agreed.every(isAgreed)
  }

  #describe(id: MediaId): Result<Sdp, MediaFailure> {
    const described = this.#board.sessions.get(id)?.described
    if (described === undefined) return err({ kind: 'no-session' })
    return ok(sdp(serializeSdp(described)))
  }

  #release(id: MediaId): MediaReport {
    const session = this.#board.sessions.get(id)
    if (session !== undefined) this.#player.end(session)
    return this.#board.release(id)
  }

  status(): MediaStatus {
    const { received, sent } = this.#hub.counters()
    const ports = { lent: 0, resting: 0, ready: 0, closed: 0 }
    for (const counts of this.#stocks.map((stock) => stock.counts())) {
      ports.lent += counts.lent
      ports.resting += counts.resting
      ports.ready += counts.ready
      ports.closed += counts.closed
    }
    return {
      path: this.#hub.kind,
      sessions: this.#board.sessions.size,
      playing: this.#player.count,
      ports,
      packets: { received, sent, ...this.#forwarder.counters },
      framesSkipped: this.#player.skipped,
    }
  }

  async #fill(): Promise<void> {
    await Promise.all(this.#stocks.map((stock) => stock.fill(this.#host.now())))
  }

  #sweepAt(at: Millis): void {
    this.#host.wake(at, () => {
      if (this.#closed) return
      const now = this.#host.now()
      for (const session of this.#board.sessions.values()) {
        const silence = silentFor(session.silence, now, this.#options.silenceLimit)
        if (silence === undefined) continue
        const event = { kind: 'rtp-timeout', media: session.id } as const
        this.#host.emit({ ...event, silentFor: millis(Math.round(silence)) })
      }
      for (const stock of this.#stocks) stock.retire(now)
      this.#sweepAt(after(at, SWEEP_EVERY))
    })
  }
}
