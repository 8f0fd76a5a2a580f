//! Which schema of the state each node knows at most.

import type { Host } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { PeerFacts, type FactLink } from './peer-facts.ts'

export type PeerSchemasParts = {
  readonly host: Host
  readonly link: FactLink
  /** What this node knows. */
  readonly own: number
}

export class PeerSchemas {
  readonly #facts: PeerFacts<number>

  constructor({ host, link, own }: PeerSchemasParts) {
    this.#facts = new PeerFacts({ host, link, channel: 'schema', own: String(own), decoded })
  }

  /** Undefined when it has not been heard of. */
  of(node: NodeId): number | undefined {
    return this.#facts.of(node)
  }

  stop(): void {
    this.#facts.stop()
  }
}

const DIGITS_MAX = 6

function decoded(data: Uint8Array): number | undefined {
  const text = Buffer.from(data.subarray(0, DIGITS_MAX + 1)).toString('latin1')
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}
