//! The media servers that a leader has: meets them when it begins and whenever they come back, and
//! sorts out what they carry.

import type { Cancel, Host } from '../../src/base/host.ts'
import { after, millis } from '../../src/base/time.ts'
import type { NodeId } from '../../src/control/ids.ts'
import type { MediaEvent, MediaId } from '../../src/control/media-control.ts'
import type { Carrier, Placement } from './placement.ts'
import { RemoteServer } from './remote-server.ts'
import type { ServerLink } from './server-link.ts'

export type ServersOptions = {
  readonly host: Host
  readonly link: ServerLink | undefined
  readonly placement: Placement
  readonly onEvent: (event: MediaEvent) => void
}

/** For a first call of a new leader: servers that are connected answer within milliseconds. */
const MEET_WITHIN = millis(500)
/** A server that lost its connection with the last leader is back by then, or does not count. */
const RESUME_WITHIN = millis(2_000)
/** Calls are gone on with once that is committed, and thousands of them take their time. */
const CLAIM_WITHIN = millis(30_000)
/** A node that has come leads a while later at the soonest. */
const NODES_EVERY = millis(2_000)

export class Servers {
  /** Those that are there have been met, or are not waited for any more. */
  readonly met: Promise<void>
  readonly #options: ServersOptions
  readonly #servers = new Map<NodeId, RemoteServer>()
  /** Of calls that go on: nobody has said yet that they live. Each ends when that is known. */
  readonly #expected = new Map<MediaId, PromiseWithResolvers<void>>()
  /** They live there, and no call has asked for them yet. */
  readonly #unclaimed = new Map<MediaId, RemoteServer>()
  readonly #cancels: Cancel[] = []
  readonly #someHere = Promise.withResolvers<void>()
  /** That servers have been told of, and how to stop looking for others. */
  #nodes = ''
  #unwatch: Cancel = () => {}
  #isWaiting = true
  #areClaimed = false

  constructor(options: ServersOptions) {
    this.#options = options
    const { host, link } = options
    this.met = this.#someHere.promise
    if (link === undefined || link.registered().length === 0) this.#stopWaiting()
    if (link === undefined) return
    this.#cancels.push(
      link.changed(({ peer, isUp }) => this.#onLink(link, peer, isUp)),
      link.arrived(({ from, data }) => this.#servers.get(from)?.take(data)),
      host.wake(after(host.now(), MEET_WITHIN), () => this.#someHere.resolve()),
      host.wake(after(host.now(), RESUME_WITHIN), () => this.#stopWaiting()),
      host.wake(after(host.now(), CLAIM_WITHIN), () => this.#releaseUnclaimed()),
    )
    for (const id of link.connected()) this.#onLink(link, id, true)
    this.#watchNodes(link)
  }

  stop(): void {
    this.#unwatch()
    for (const cancel of this.#cancels) cancel()
    for (const server of this.#servers.values()) server.stop()
  }

  statusOf(id: NodeId): { readonly sessions: number } | undefined {
    return this.#servers.get(id)?.status
  }

  /** Those whose workers can be asked now, least loaded first; who answers nothing comes last. */
  byLoad(): readonly RemoteServer[] {
    const { placement } = this.#options
    return [...this.#servers.values()]
      .filter(({ status }) => status !== undefined)
      .map((server) => ({ server, isSlow: server.isSlow, count: placement.countOf(server) }))
      .toSorted(
        (one, other) => Number(one.isSlow) - Number(other.isSlow) || one.count - other.count,
      )
      .map(({ server }) => server)
  }

  /** A call that goes on has these. */
  claim(media: readonly MediaId[]): void {
    for (const id of media) {
      const server = this.#unclaimed.get(id)
      if (server !== undefined) this.#resume(id, server)
      else if (this.#isWaiting) this.#expected.set(id, Promise.withResolvers())
    }
  }

  /** No call goes on with these as they were: they are made anew at `at`, or of no call. */
  disown(media: readonly MediaId[], at: Carrier | undefined): void {
    const disowned = media.flatMap((id) => {
      const server = this.#unclaimed.get(id)
      this.#unclaimed.delete(id)
      return server === undefined || server === at ? [] : [{ id, server }]
    })
    for (const [server, sessions] of Map.groupBy(disowned, (each) => each.server)) {
      const released = sessions.map(({ id }) => id)
      const { host } = this.#options
      host.log('info', 'media-server.unclaimed', { server: server.id, released: released.length })
      void server.ask({ method: 'release', media: released })
    }
  }

  /** Resolves when it is known where those of them that are expected live, if anywhere. */
  async resumed(media: readonly MediaId[]): Promise<void> {
    await Promise.all(media.flatMap((id) => this.#expected.get(id)?.promise ?? []))
  }

  #onLink(link: ServerLink, id: NodeId, isUp: boolean): void {
    const known = this.#servers.get(id)
    if (known !== undefined || !link.registered().includes(id)) return known?.connected(isUp)
    const { host } = this.#options
    const server = new RemoteServer({
      host,
      id,
      send: (data) => link.send(id, data),
      term: link.term,
      nodes: link.nodes,
      onHere: (from, sessions) => this.#onHere(link, from, sessions),
      onEvent: (from, event) => this.#onEvent(from, event),
      onLost: (from) => this.#lose(from, undefined),
    })
    this.#servers.set(id, server)
    server.connected(isUp)
  }

  /** Any of them may lead next, and servers dial. */
  #watchNodes(link: ServerLink): void {
    const { host } = this.#options
    const nodes = JSON.stringify(link.nodes())
    if (this.#nodes !== '' && nodes !== this.#nodes)
      for (const server of this.#servers.values()) server.nodesChanged()
    this.#nodes = nodes
    this.#unwatch = host.wake(after(host.now(), NODES_EVERY), () => this.#watchNodes(link))
  }

  #onHere(link: ServerLink, server: RemoteServer, sessions: ReadonlySet<MediaId>): void {
    const { placement, host } = this.#options
    const stale: MediaId[] = []
    const contested = this.#giveUpContested(server, sessions)
    for (const id of sessions) {
      const at = placement.of(id)
      if (at === server || contested.has(id)) continue
      if (this.#expected.has(id)) this.#resume(id, server)
      else if (at === undefined && !this.#areClaimed) this.#unclaimed.set(id, server)
      else stale.push(id)
    }
    const released = stale.length
    host.log('info', 'media-server.here', { server: server.id, sessions: sessions.size, released })
    this.#lose(server, sessions)
    if (released > 0) void server.ask({ method: 'release', media: stale })
    this.#someHere.resolve()
    const isHere = (id: NodeId): boolean => this.#servers.get(id)?.isHere === true
    if (link.registered().every(isHere)) this.#stopWaiting()
  }

  /**
   * Two have the same session: one of them was away when it was made anew on the other, and who led
   * then leads no more. Nobody knows of which one the phones know, so it is made anew once more.
   */
  #giveUpContested(server: RemoteServer, sessions: ReadonlySet<MediaId>): ReadonlySet<MediaId> {
    const { placement, onEvent } = this.#options
    const contested = new Map<MediaId, Carrier>()
    for (const id of sessions) {
      const at = this.#unclaimed.get(id) ?? placement.resumedAt(id)
      if (at === undefined || at === server) continue
      contested.set(id, at)
      this.#unclaimed.delete(id)
      placement.forget(id)
    }
    const media = [...contested.keys()]
    if (media.length === 0) return new Set()
    void server.ask({ method: 'release', media })
    for (const [at, ids] of Map.groupBy(media, (id) => contested.get(id)))
      void at?.ask({ method: 'release', media: ids })
    onEvent({ kind: 'lost', media })
    return new Set(media)
  }

  #resume(id: MediaId, server: RemoteServer): void {
    this.#unclaimed.delete(id)
    this.#options.placement.resume(id, server)
    this.#expected.get(id)?.resolve()
    this.#expected.delete(id)
  }

  /** All calls that go on have asked by now. */
  #releaseUnclaimed(): void {
    this.#areClaimed = true
    this.disown([...this.#unclaimed.keys()], undefined)
  }

  /** It carries only these any more, or nothing. */
  #lose(server: RemoteServer, live: ReadonlySet<MediaId> | undefined): void {
    const { placement, host, onEvent } = this.#options
    for (const [id, at] of this.#unclaimed)
      if (at === server && live?.has(id) !== true) this.#unclaimed.delete(id)
    const media = placement.missing(server, live)
    for (const id of media) placement.forget(id)
    if (live === undefined)
      host.log('error', 'media-server.lost', { server: server.id, sessions: media.length })
    if (media.length > 0) onEvent({ kind: 'lost', media })
  }

  #onEvent(server: RemoteServer, event: MediaEvent): void {
    const { placement, onEvent } = this.#options
    if (event.kind === 'lost') {
      const media = event.media.filter((id) => placement.of(id) === server)
      for (const id of media) placement.forget(id)
      return media.length > 0 ? onEvent({ kind: 'lost', media }) : undefined
    }
    if (placement.of(event.media) === server) onEvent(event)
  }

  /** What is not known by now lives no more. */
  #stopWaiting(): void {
    this.#isWaiting = false
    for (const { resolve } of this.#expected.values()) resolve()
    this.#expected.clear()
    this.#someHere.resolve()
  }
}
