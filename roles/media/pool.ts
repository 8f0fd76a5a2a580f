//! Media over all servers there are: each call has its sessions on one of them, the
//! least loaded when it began, or here when there is none.
//!
//! What a leader before this one began lives on. Servers tell what they carry; whoever takes over
//! a call asks for it with `resume`; what nobody has asked for in half a minute is released.

import type { Host } from '../../src/base/host.ts'
import { err } from '../../src/base/result.ts'
import type { NodeId } from '../../src/control/ids.ts'
import type { MediaEvent, MediaId } from '../../src/control/media-control.ts'
import { emptyReport, type Asked, type MediaCarrier } from '../../src/media/by-requests.ts'
import type { Answer, MediaRequest } from '../../src/media/protocol.ts'
import { Placement, type Carrier } from './placement.ts'
import type { ServerLink } from './server-link.ts'
import { Servers } from './servers.ts'
import { Turns } from './turns.ts'

export type PoolOptions = {
  readonly host: Host
  /** The worker of this process. */
  readonly local: MediaCarrier
  /** Undefined where there are no servers but this one. */
  readonly link: ServerLink | undefined
}

type Request<M extends MediaRequest['method']> = MediaRequest & { readonly method: M }
type Reply<M extends MediaRequest['method']> = Awaited<Asked<Request<M>>>

export class MediaPool implements MediaCarrier {
  readonly #local: MediaCarrier
  readonly #listeners = new Set<(event: MediaEvent) => void>()
  readonly #placement = new Placement()
  readonly #turns = new Turns()
  readonly #servers: Servers
  readonly #unlisten: () => void

  constructor({ host, local, link }: PoolOptions) {
    this.#local = local
    const onEvent = (event: MediaEvent): void => this.#tell(event)
    this.#unlisten = local.events((event) => {
      if (event.kind === 'lost') for (const id of event.media) this.#placement.forget(id)
      onEvent(event)
    })
    this.#servers = new Servers({ host, link, placement: this.#placement, onEvent })
  }

  readonly events: MediaCarrier['events'] = (listener) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** What is known of a server, by its id; undefined while it is not there. */
  statusOf(id: NodeId): { readonly sessions: number } | undefined {
    return this.#servers.statusOf(id)
  }

  /** Lets go of everything as it is: sessions elsewhere go on. */
  stop(): void {
    this.#unlisten()
    this.#servers.stop()
  }

  ask<R extends MediaRequest>(request: R): Asked<R> {
    // Decoder: each branch answers by its method's type.
    return this.#route(request) as Asked<R>
  }

  #route(request: MediaRequest): Promise<Answer | 'unreachable'> {
    const inTurn = <T>(media: readonly MediaId[], run: () => Promise<T>): Promise<T> =>
      this.#turns.take(media, run)
    switch (request.method) {
      case 'relayOffer': {
        const { from, to } = request.request
        return inTurn([from, to], () => this.#relayOffer(request))
      }
      case 'answerHere': {
        const media = [request.request.media]
        return inTurn(media, () => this.#begin(request, media))
      }
      case 'relayAnswer':
      case 'withdrawOffer': {
        const { from, to } = request.request
        return inTurn([from, to], () => this.#toCarrier(to, request))
      }
      case 'connect': {
        const { a, b } = request.request
        return inTurn([a, b], () => this.#connect(request))
      }
      case 'feed':
      case 'describe':
        return inTurn([request.media], () => this.#toCarrier(request.media, request))
      case 'release':
        return inTurn(request.media, () => this.#release(request.media))
      case 'resume':
        return inTurn(request.media, () => this.#resume(request))
      case 'sessions':
      case 'status':
      case 'drain':
        return this.#local.ask(request)
    }
  }

  async #relayOffer(request: Request<'relayOffer'>): Promise<Reply<'relayOffer'>> {
    const { from, to } = request.request
    const [here, there] = [this.#placement.of(from), this.#placement.of(to)]
    // It is put a new offer anyway: so it moves to where the other one is.
    if (here !== undefined && there !== undefined && here !== there) await this.#leave(to)
    return this.#begin(request, [from, to])
  }

  /** Two calls become one, and may have been on two servers. */
  async #connect(request: Request<'connect'>): Promise<Reply<'connect'>> {
    const { call, a, b } = request.request
    const [here, there] = [this.#placement.of(a), this.#placement.of(b)]
    if (here === undefined || there === undefined) return err({ kind: 'no-session' })
    if (here === there) return there.ask(request)
    const described = await there.ask({ method: 'describe', media: b })
    if (described === 'unreachable' || !described.ok) return described
    await this.#leave(a)
    const offer = { call, from: b, to: a, sdp: described.value, restated: true }
    return this.#begin({ method: 'relayOffer', request: offer }, [b, a])
  }

  async #toCarrier(media: MediaId, request: MediaRequest): Promise<Answer | 'unreachable'> {
    return this.#placement.of(media)?.ask(request) ?? err({ kind: 'no-session' })
  }

  /** Where one of them is, or wherever there is room. */
  async #begin<R extends Request<'relayOffer' | 'answerHere'>>(
    request: R,
    media: readonly MediaId[],
  ): Asked<R> {
    const known = media.map((id) => this.#placement.of(id)).find((at) => at !== undefined)
    if (known !== undefined) return this.#place(known, request, media)
    await this.#servers.met
    for (const server of this.#servers.byLoad()) {
      const answer = await this.#place(server, request, media)
      if (answer !== 'unreachable' && (answer.ok || answer.error.kind !== 'no-capacity'))
        return answer
    }
    return this.#place(this.#local, request, media)
  }

  /** Known to be there from the moment it is asked: a release may come before the answer. */
  async #place<R extends Request<'relayOffer' | 'answerHere'>>(
    at: Carrier,
    request: R,
    media: readonly MediaId[],
  ): Asked<R> {
    const added = media.filter((id) => this.#placement.of(id) !== at)
    this.#put(added, at)
    const answer = await at.ask(request)
    if (answer !== 'unreachable' && answer.ok) {
      // It was asked before a loss, and done when the server was back with nothing.
      const forgotten = media.filter((id) => this.#placement.of(id) === undefined)
      this.#put(forgotten, at)
      this.#placement.confirm(media)
      return answer
    }
    for (const id of added) if (this.#placement.of(id) === at) this.#placement.forget(id)
    // It may yet make them, when nobody waits for them any more.
    const isUnknown = answer === 'unreachable' && added.length > 0
    if (isUnknown) void at.ask({ method: 'release', media: added })
    return answer
  }

  #put(media: readonly MediaId[], at: Carrier): void {
    for (const id of media) this.#placement.put(id, at)
    this.#servers.disown(media, at)
  }

  async #leave(media: MediaId): Promise<void> {
    const at = this.#placement.of(media)
    this.#placement.forget(media)
    await at?.ask({ method: 'release', media: [media] })
  }

  async #release(media: readonly MediaId[]): Promise<Reply<'release'>> {
    const reports = await Promise.all(
      this.#placement.take(media).map(([at, ids]) => at.ask({ method: 'release', media: ids })),
    )
    const known = new Map(
      reports
        .flatMap((each) => (each === 'unreachable' ? [] : each))
        .map((report) => [report.media, report]),
    )
    return media.map((id) => known.get(id) ?? emptyReport(id))
  }

  async #resume(request: Request<'resume'>): Promise<Reply<'resume'>> {
    const { media } = request
    const unknown = media.filter((id) => this.#placement.of(id) === undefined)
    if (unknown.length > 0) this.#servers.claim(unknown)
    await this.#servers.resumed(media)
    const carriers = new Set(media.map((id) => this.#placement.of(id)))
    const [at] = carriers
    if (carriers.size !== 1 || at === undefined) return false
    const live = await at.ask(request)
    // Another server may have told of them as well meanwhile: then they are nobody's.
    return media.every((id) => this.#placement.of(id) === at) && live
  }

  #tell(event: MediaEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}
