//! What each node tells the others of itself when they connect. Of who is not connected nothing is
//! known: it may be started anew, as another release or with other settings, before it is back.

import type { Cancel, Host } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { isServerId } from '../store/schema/server.ts'
import type { PeerLink } from './peer-link.ts'

export type FactLink = Pick<PeerLink, 'send' | 'arrived' | 'changed'>

export type PeerFactsParts<Fact> = {
  readonly host: Pick<Host, 'log'>
  /** Open, and nobody has connected yet: who is missed then is not heard again. */
  readonly link: FactLink
  readonly channel: 'schema' | 'settings'
  /** Of this node, as the others decode it. */
  readonly own: string
  /** Undefined for what says nothing. */
  readonly decoded: (data: Uint8Array) => Fact | undefined
  readonly onTold?: (node: NodeId, fact: Fact) => void
}

export class PeerFacts<Fact> {
  readonly #known = new Map<NodeId, Fact>()
  readonly #unsubscribe: readonly Cancel[]

  constructor({ host, link, channel, own, decoded, onTold }: PeerFactsParts<Fact>) {
    this.#unsubscribe = [
      link.arrived(({ from, channel: of, data }) => {
        if (of !== channel) return
        const fact = decoded(data)
        if (fact === undefined)
          return host.log('warn', 'peer.message-unreadable', { peer: from, bytes: data.length })
        this.#known.set(from, fact)
        onTold?.(from, fact)
      }),
      link.changed(({ peer, isUp }) => {
        this.#known.delete(peer)
        if (isUp && !isServerId(peer)) link.send(peer, channel, Buffer.from(own))
      }),
    ]
  }

  /** Undefined when it has not been heard of. */
  of(node: NodeId): Fact | undefined {
    return this.#known.get(node)
  }

  stop(): void {
    for (const each of this.#unsubscribe) each()
  }
}
