//! Which schema of the state each node knows at most. Each tells the others when they connect; of
//! who is not connected nothing is known.

import type { Cancel, Host } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { isServerId } from '../store/schema/server.ts'
import type { PeerLink } from './peer-link.ts'

export type PeerSchemasParts = {
  readonly host: Host
  /** Open, and nobody has connected yet: who is missed then is not heard again. */
  readonly link: Pick<PeerLink, 'send' | 'arrived' | 'changed'>
  /** What this node knows. */
  readonly own: number
}

export class PeerSchemas {
  readonly #known = new Map<NodeId, number>()
  readonly #unsubscribe: readonly Cancel[]

  constructor({ host, link, own }: PeerSchemasParts) {
    this.#unsubscribe = [
      link.arrived(({ from, channel, data }) => {
        if (channel !== 'schema') return
        const schema = decoded(data)
        if (schema !== undefined) this.#known.set(from, schema)
        else host.log('warn', 'peer.message-unreadable', { peer: from, bytes: data.length })
      }),
      link.changed(({ peer, isUp }) => {
        // Another release may be started there before it is back.
        this.#known.delete(peer)
        if (isUp && !isServerId(peer)) link.send(peer, 'schema', Buffer.from(String(own)))
      }),
    ]
  }

  /** Undefined when it has not been heard of. */
  of(node: NodeId): number | undefined {
    return this.#known.get(node)
  }

  stop(): void {
    for (const each of this.#unsubscribe) each()
  }
}

const DIGITS_MAX = 6

function decoded(data: Uint8Array): number | undefined {
  const text = Buffer.from(data.subarray(0, DIGITS_MAX + 1)).toString('latin1')
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}
