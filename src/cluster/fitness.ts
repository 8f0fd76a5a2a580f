//! Which nodes would rather not serve, and why: drained by an administrator, about to stop, with an
//! interface that is down, a disk that is slow, or a main thread that hangs. Each tells the others;
//! whoever hands over asks here.

import type { Cancel, Host } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { isServerId } from '../store/schema/server.ts'
import type { PeerLink } from './peer-link.ts'

/** In bytes: it is shown to people. */
const WHY_MAX = 200

export type Concern = 'address' | 'disk' | 'drain' | 'main' | 'serving' | 'stop'

export type FitnessParts = {
  readonly host: Host
  readonly link: Pick<PeerLink, 'send' | 'peers' | 'arrived' | 'changed'>
  /** Of this node. */
  readonly onChanged: (why: string | undefined) => void
  /** Another node has told of itself. */
  readonly onOther: () => void
}

export class Fitness {
  readonly #parts: FitnessParts
  readonly #concerns = new Map<Concern, string>()
  readonly #ofOthers = new Map<NodeId, string>()
  readonly #unsubscribe: readonly Cancel[]

  constructor(parts: FitnessParts) {
    this.#parts = parts
    const { link } = parts
    this.#unsubscribe = [
      link.arrived(({ from, channel, data }) => {
        if (channel !== 'fitness') return
        const why = Buffer.from(data.subarray(0, WHY_MAX)).toString()
        if (why === '') this.#ofOthers.delete(from)
        else this.#ofOthers.set(from, why)
        parts.onOther()
      }),
      link.changed(({ peer, isUp }) => {
        if (isUp) this.#tell(peer)
        // It says so again when it is back.
        else this.#ofOthers.delete(peer)
      }),
    ]
  }

  /** Why this node would rather not serve; undefined when it would. */
  get own(): string | undefined {
    return this.#concerns.values().next().value
  }

  of(node: NodeId): string | undefined {
    return this.#ofOthers.get(node)
  }

  /** Whether one of these others is there, and would serve. */
  isAnyFit(nodes: readonly NodeId[]): boolean {
    const { peers } = this.#parts.link
    return nodes.some((id) => peers.includes(id) && this.of(id) === undefined)
  }

  set(concern: Concern, why: string | undefined): void {
    const before = this.own
    if (why === undefined) this.#concerns.delete(concern)
    else this.#concerns.set(concern, why)
    if (this.own === before) return
    const { host, link, onChanged } = this.#parts
    const level = this.own === undefined ? 'info' : 'warn'
    host.log(level, 'node.fitness', { isFit: this.own === undefined, why: this.own })
    for (const peer of link.peers) this.#tell(peer)
    onChanged(this.own)
  }

  stop(): void {
    for (const each of this.#unsubscribe) each()
  }

  #tell(peer: NodeId): void {
    if (isServerId(peer)) return
    const why = Buffer.from(this.own ?? '').subarray(0, WHY_MAX)
    this.#parts.link.send(peer, 'fitness', why)
  }
}
