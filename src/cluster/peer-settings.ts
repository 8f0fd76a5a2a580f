//! What phones and people notice of a node's settings, and what should be the same on all nodes:
//! another's ports are those of the virtual address once it serves.

import type { Host } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { PeerFacts, type FactLink } from './peer-facts.ts'

/** By name, as text for people. */
export type SharedSettings = Readonly<Record<string, string>>

export type PeerSettingsParts = {
  readonly host: Pick<Host, 'log'>
  readonly link: FactLink
  readonly own: SharedSettings
}

const BYTES_MAX = 8_192

export class PeerSettings {
  readonly #own: SharedSettings
  readonly #facts: PeerFacts<SharedSettings>

  constructor({ host, link, own }: PeerSettingsParts) {
    this.#own = own
    const onTold = (peer: NodeId): void => {
      const differs = this.of(peer)
      if (differs === undefined) return
      const mend = 'start both with the same settings'
      host.log('warn', 'settings.differ', { peer, differs, mend })
    }
    const said = JSON.stringify(own)
    this.#facts = new PeerFacts({ host, link, channel: 'settings', own: said, decoded, onTold })
  }

  /** What differs on that node from here; undefined when nothing does, as far as is known. */
  of(node: NodeId): string | undefined {
    const settings = this.#facts.of(node)
    return settings && this.#difference(settings)
  }

  stop(): void {
    this.#facts.stop()
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
