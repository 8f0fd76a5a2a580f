//! What phones and people notice of a node's settings, and what should be the same on all nodes:
//! another's ports are those of the virtual address once it serves. Each tells the others when they
//! connect; of who is not connected nothing is known.

import type { Cancel, Host } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { isServerId } from '../store/schema/server.ts'
import type { PeerLink } from './peer-link.ts'

/** By name, as text for people. */
export type SharedSettings = Readonly<Record<string, string>>

export type PeerSettingsParts = {
  readonly host: Pick<Host, 'log'>
  /** Open, and nobody has connected yet: who is missed then is not heard again. */
  readonly link: Pick<PeerLink, 'send' | 'arrived' | 'changed'>
  readonly own: SharedSettings
}

const BYTES_MAX = 8_192

export class PeerSettings {
  readonly #own: SharedSettings
  readonly #differences = new Map<NodeId, string>()
  readonly #unsubscribe: readonly Cancel[]

  constructor({ host, link, own }: PeerSettingsParts) {
    this.#own = own
    this.#unsubscribe = [
      link.arrived(({ from, channel, data }) => {
        if (channel !== 'settings') return
        const settings = decoded(data)
        if (settings === undefined)
          return host.log('warn', 'peer.message-unreadable', { peer: from, bytes: data.length })
        const differs = this.#difference(settings)
        if (differs === undefined) return
        this.#differences.set(from, differs)
        const mend = 'start both with the same settings'
        host.log('warn', 'settings.differ', { peer: from, differs, mend })
      }),
      link.changed(({ peer, isUp }) => {
        // It may be started with others before it is back.
        this.#differences.delete(peer)
        if (isUp && !isServerId(peer)) link.send(peer, 'settings', Buffer.from(JSON.stringify(own)))
      }),
    ]
  }

  /** Of a node's settings from those here; undefined when there is none, as far as is known. */
  of(node: NodeId): string | undefined {
    return this.#differences.get(node)
  }

  stop(): void {
    for (const each of this.#unsubscribe) each()
  }

  /** Another release may have others: those that both have are compared. */
  #difference(settings: SharedSettings): string | undefined {
    const differing = Object.entries(this.#own).flatMap(([name, here]) => {
      const there = settings[name]
      return there === undefined || there === here ? [] : [`${name} ${there} (here ${here})`]
    })
    return differing.length === 0 ? undefined : differing.join(', ')
  }
}

function decoded(data: Uint8Array): SharedSettings | undefined {
  if (data.length > BYTES_MAX) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString())
    if (typeof value !== 'object' || value === null) return undefined
    const texts = Object.entries(value).filter(([, text]) => typeof text === 'string')
    return Object.fromEntries(texts) as SharedSettings
  } catch {
    return undefined // said by whoever asked
  }
}
