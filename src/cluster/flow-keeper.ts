//! Keeps the table of clients' connections alike on all nodes, and uses it when one takes over.

import { isServerId } from '../store/schema/server.ts'
import type { Cancel, Host } from '../base/host.ts'
import { after, millis } from '../base/time.ts'
import type { NodeId } from '../control/ids.ts'
import { decodeNews, encodeNews, FlowTable, inPieces, type Flow, type FlowNews } from './flows.ts'
import type { PeerLink } from './peer-link.ts'
import { Tickler, type Tickle } from './vip/tickle.ts'

/** Before the first client is told. Starting a program would hold up whoever begins to serve. */
const LEFTOVERS_AFTER = millis(50)

export type FlowKeeperParts = {
  readonly host: Host
  readonly link: Pick<PeerLink, 'send' | 'peers' | 'arrived' | 'changed'>
  readonly tickle: Tickle
  readonly holdsAddress: () => boolean
  /** What the kernel here has left of connections that it had before. */
  readonly dropLeftovers: () => void
}

export class FlowKeeper {
  readonly #parts: FlowKeeperParts
  readonly #table = new FlowTable()
  readonly #tickler: Tickler
  /** Of the last who had the address, but for those that were opened anew, from the same port. */
  #lost = new FlowTable()
  readonly #unsubscribe: readonly Cancel[]

  constructor(parts: FlowKeeperParts) {
    const { link, host, tickle } = parts
    this.#parts = parts
    this.#tickler = new Tickler(host, tickle)
    this.#unsubscribe = [
      link.arrived(({ from, channel, data }) => {
        if (channel === 'flows') this.#onNews(from, data)
      }),
      link.changed(({ peer, isUp }) => {
        if (isUp && parts.holdsAddress() && !isServerId(peer))
          this.#tell([peer], { isWhole: true, opened: this.#table.all(), closed: NONE })
      }),
    ]
  }

  /** Of this node's own: it serves. */
  tell(news: FlowNews): void {
    // What its sockets do once it serves no more says nothing about the clients.
    if (!this.#parts.holdsAddress()) return
    this.#table.take(news)
    this.#lost.take({ isWhole: false, opened: NONE, closed: news.opened })
    const { peers } = this.#parts.link
    this.#tell(
      peers.filter((peer) => !isServerId(peer)),
      news,
    )
  }

  /** This node has the address now, or not any more. */
  addressChanged(isHeld: boolean): void {
    if (!isHeld) return this.#tickler.stop()
    // Of whoever had the address before. They come back by new connections.
    const theirs = this.#table.all()
    const lost = new FlowTable()
    lost.take({ isWhole: true, opened: theirs, closed: NONE })
    this.#lost = lost
    const { host, dropLeftovers } = this.#parts
    host.wake(after(host.now(), LEFTOVERS_AFTER), dropLeftovers)
    const done = (): void => this.tell({ isWhole: false, opened: NONE, closed: lost.all() })
    this.#tickler.start(theirs, done)
  }

  stop(): void {
    this.#tickler.stop()
    for (const each of this.#unsubscribe) each()
  }

  #tell(peers: readonly NodeId[], news: FlowNews): void {
    for (const piece of inPieces(news)) {
      const data = encodeNews(piece)
      for (const peer of peers) this.#parts.link.send(peer, 'flows', data)
    }
  }

  #onNews(peer: NodeId, data: Uint8Array): void {
    const news = decodeNews(data)
    if (news !== undefined) return this.#table.take(news)
    this.#parts.host.log('warn', 'peer.message-unreadable', { peer, bytes: data.length })
  }
}

const NONE: readonly Flow[] = []
