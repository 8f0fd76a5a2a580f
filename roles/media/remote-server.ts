//! One media server as the node that leads sees it: whether it is there, what it carries, and what
//! it has been asked.

import { nowAndThen } from '../../src/base/now-and-then.ts'
import type { Cancel, Host } from '../../src/base/host.ts'
import { after, millis, type Millis } from '../../src/base/time.ts'
import type { NodeId } from '../../src/control/ids.ts'
import type { MediaEvent, MediaId } from '../../src/control/media-control.ts'
import type { Asked } from '../../src/media/by-requests.ts'
import type { MediaRequest } from '../../src/media/protocol.ts'
import { WaitingRequests } from '../../src/media/waiting.ts'
import { decodeAnswer, decodeFromServer } from './decode.ts'
import {
  encode,
  type FromServer,
  type NodeAddress,
  type ServerStatus,
  type ToServer,
} from './messages.ts'

/** What is asked is answered within milliseconds. */
const SLOW_AFTER = millis(1_000)
/** A connection that broke is often back before anybody has missed it. */
const LOST_AFTER = millis(1_000)
/**
 * A worker that is said not to answer has been silent for five seconds. That it was only slow is
 * known within two: it is asked once a second, and what it says is passed on once a second.
 */
const HUNG_AFTER = millis(3_000)
/** One that is connected again says what it carries when its worker does, which may be slow. */
const HERE_WITHIN = millis(5_000 + HUNG_AFTER)

export type RemoteServerOptions = {
  readonly host: Host
  readonly id: NodeId
  readonly send: (data: Uint8Array) => void
  readonly term: number
  readonly nodes: () => readonly NodeAddress[]
  /** It has told what it carries, and can be asked. */
  readonly onHere: (server: RemoteServer, sessions: ReadonlySet<MediaId>) => void
  readonly onEvent: (server: RemoteServer, event: MediaEvent) => void
  /** It is not there any more, and with it what it carried. */
  readonly onLost: (server: RemoteServer) => void
}

export class RemoteServer {
  readonly id: NodeId
  readonly #options: RemoteServerOptions
  readonly #waiting: WaitingRequests
  #isHere = false
  /** Since when it has not been, with what it carried: undefined when that is lost. */
  #awaySince: Millis | undefined
  #hasStopped = false
  /** It has been told who leads, and has not said yet what it carries. */
  #isTold = false
  #status: ServerStatus | undefined
  /** Asked since then, and no answer came. */
  #owesSince: Millis | undefined
  /** One that says what it should not does so all the time. */
  readonly #unreadable: () => void
  #unwake: Cancel = () => {}

  constructor(options: RemoteServerOptions) {
    this.id = options.id
    this.#options = options
    const complain = nowAndThen(options.host)
    this.#unreadable = () => complain('media-server.unreadable', { server: options.id })
    this.#waiting = new WaitingRequests(options.host)
  }

  get isHere(): boolean {
    return this.#isHere
  }

  /** At most a second old; undefined while its worker cannot be reached. */
  get status(): ServerStatus | undefined {
    return this.#isHere ? this.#status : undefined
  }

  /** There is a new connection to it, or none any more: what was said over the last one is lost. */
  connected(isUp: boolean): void {
    const now = this.#options.host.now()
    if (this.#isHere) {
      this.#isHere = false
      this.#awaySince = now
    }
    if (this.#awaySince !== undefined) {
      const latest = after(this.#awaySince, HERE_WITHIN)
      const soon = millis(Math.min(latest, after(now, LOST_AFTER)))
      this.#unlessHeard(isUp ? latest : soon, () => this.#lose())
    }
    if (isUp) this.#lead()
  }

  /** There are other nodes than it was told: it keeps a connection to each. */
  nodesChanged(): void {
    if (this.#isHere) this.#lead()
  }

  /** One that is not there is asked when it is back, if that is soon. */
  ask<R extends MediaRequest>(request: R): Asked<R> {
    if (this.#hasStopped) return Promise.resolve('unreachable')
    const { id, answer } = this.#waiting.add(request)
    if (this.#isHere) {
      this.#owesSince ??= this.#options.host.now()
      this.#request(id, request)
    }
    return answer
  }

  /** It has been asked something, and has answered nothing since: its worker may hang. */
  get isSlow(): boolean {
    const since = this.#owesSince
    return since !== undefined && this.#options.host.now() >= after(since, SLOW_AFTER)
  }

  take(data: Uint8Array): void {
    const message = decodeFromServer(data)
    if (message === undefined) this.#unreadable()
    else this.#onMessage(message)
  }

  /** Another node leads it: nothing more is asked of it. */
  stop(): void {
    this.#hasStopped = true
    this.#unwake()
    this.#waiting.giveUp()
  }

  /** Tells it who leads, and which nodes there are. It says what it carries then. */
  #lead(): void {
    const { term, nodes } = this.#options
    this.#isTold = true
    this.#say({ kind: 'lead', term, nodes: nodes() })
  }

  #onMessage(message: FromServer): void {
    switch (message.kind) {
      case 'here':
        if (this.#isTold && message.term === this.#options.term) this.#arrived(message)
        return
      case 'answer':
        return this.#answered(message)
      case 'event':
        return this.#options.onEvent(this, message.event)
      case 'status': {
        const isNews = (message.status === undefined) !== (this.#status === undefined)
        this.#status = message.status
        if (this.#isHere && isNews) this.#watch()
      }
    }
  }

  /** Its sound does not go on while its worker hangs: so it is as if it were not there. */
  #watch(): void {
    if (this.#status !== undefined) return this.#unwake()
    const { host, id } = this.#options
    this.#unlessHeard(after(host.now(), HUNG_AFTER), () => {
      host.log('error', 'media-server.hung', { server: id })
      this.#isHere = false
      this.#lose()
      // It answers when its worker goes on.
      this.#lead()
    })
  }

  #lose(): void {
    this.#awaySince = undefined
    this.#waiting.giveUp()
    this.#options.onLost(this)
  }

  #unlessHeard(at: Millis, run: () => void): void {
    this.#unwake()
    this.#unwake = this.#options.host.wake(at, run)
  }

  /** One that came too late is of no use to anybody. */
  #answered({ id, answer }: FromServer & { kind: 'answer' }): void {
    if (answer !== 'unreachable') this.#owesSince = undefined
    const request = this.#waiting.requestOf(id)
    if (request === undefined) return
    const decoded = decodeAnswer(request, answer)
    if (decoded === undefined) this.#unreadable()
    this.#waiting.settle(id, decoded ?? 'unreachable')
  }

  #arrived({ sessions, status }: FromServer & { kind: 'here' }): void {
    const wasAway = !this.#isHere
    this.#isTold = false
    this.#isHere = true
    this.#awaySince = undefined
    this.#owesSince = undefined
    this.#status = status
    this.#watch()
    this.#options.onHere(this, new Set(sessions))
    // It may have been asked already, and is asked for nothing that cannot be done twice.
    if (wasAway)
      for (const { id, request } of this.#waiting.unanswered()) this.#request(id, request)
  }

  #request(id: number, request: MediaRequest): void {
    this.#say({ kind: 'ask', term: this.#options.term, id, request })
  }

  #say(message: ToServer): void {
    this.#options.send(encode(message))
  }
}
