//! The nodes that this one dials: connected to all that there are, as they come and go and move.

import type { NodeId } from '../control/ids.ts'
import type { PeerAddress, PeerLink } from './peer-link.ts'

export class Dialled {
  readonly #link: Pick<PeerLink, 'dial' | 'hangUp'>
  readonly #known = new Map<NodeId, PeerAddress>()

  constructor(link: Pick<PeerLink, 'dial' | 'hangUp'>) {
    this.#link = link
  }

  get nodes(): readonly PeerAddress[] {
    return [...this.#known.values()]
  }

  /** True when these are others than before. */
  follow(nodes: readonly PeerAddress[]): boolean {
    const ids = new Set(nodes.map(({ id }) => id))
    const gone = [...this.#known.keys()].filter((id) => !ids.has(id))
    const fresh = nodes.filter(({ id, host, port }) => {
      const known = this.#known.get(id)
      return known?.host !== host || known.port !== port
    })
    for (const id of gone) {
      this.#known.delete(id)
      this.#link.hangUp(id)
    }
    for (const node of fresh) {
      this.#known.set(node.id, node)
      this.#link.dial(node)
    }
    return gone.length + fresh.length > 0
  }
}
