//! The peer link of a node, as far as nodes tell each other of themselves over it: connections that
//! break with a process or with the way between two, and on which what is sent arrives.

import type { Subscribe } from '../../../src/base/host.ts'
import { millis } from '../../../src/base/time.ts'
import type { Arrived, LinkChanged, PeerLink } from '../../../src/cluster/peer-link.ts'
import type { NodeId } from '../../../src/control/ids.ts'
import type { World } from '../../harness/world.ts'

const AGAIN_MS = 200
const DELAY_MS = 50

/** Ways on which nothing arrives: `a>b`. */
export type Cut = { has(way: string): boolean }
type Frame = Parameters<PeerLink['send']>

export class SimLink implements Pick<PeerLink, 'send' | 'arrived' | 'changed'> {
  readonly id: NodeId
  readonly #world: World
  readonly #others: () => readonly SimLink[]
  readonly #cut: () => Cut
  #life = 0
  #isUp = false
  /** To which life of which other node. */
  readonly #connected = new Map<NodeId, number>()
  readonly #arrived = new Set<(frame: Arrived) => void>()
  readonly #changed = new Set<(change: LinkChanged) => void>()

  constructor(world: World, id: NodeId, others: () => readonly SimLink[], cut: () => Cut) {
    this.#world = world
    this.id = id
    this.#others = others
    this.#cut = cut
  }

  readonly arrived: Subscribe<Arrived> = (listener) => {
    this.#arrived.add(listener)
    return () => this.#arrived.delete(listener)
  }

  readonly changed: Subscribe<LinkChanged> = (listener) => {
    this.#changed.add(listener)
    return () => this.#changed.delete(listener)
  }

  /** The process has begun. */
  begin(): void {
    this.#life++
    this.#isUp = true
  }

  /** The process is gone, and whoever listened in it. */
  end(): void {
    this.#isUp = false
    this.#arrived.clear()
    this.#changed.clear()
    this.#connected.clear()
  }

  /** Now and then: who is there, and who is gone. */
  look(): void {
    for (const other of this.#others()) {
      const isThere = this.#reaches(other)
      this.#meet(other.id, isThere ? other.#life : undefined)
      // What has broken here is another connection there, too.
      if (!isThere) other.#connected.delete(this.id)
    }
  }

  #meet(peer: NodeId, life: number | undefined): void {
    if (life === this.#connected.get(peer)) return
    if (life === undefined) this.#connected.delete(peer)
    else this.#connected.set(peer, life)
    const change = { peer, isUp: life !== undefined, why: 'as it is' }
    for (const listener of this.#changed) listener(change)
  }

  send(...[to, channel, data]: Frame): boolean {
    const other = this.#others().find(({ id }) => id === to)
    const life = this.#connected.get(to)
    if (other === undefined || life === undefined) return false
    const own = this.#life
    const arrive = (): void => {
      if (own !== this.#life || life !== other.#life || !other.#isUp) return
      if (!this.#reaches(other)) return void this.#world.in(millis(AGAIN_MS), arrive)
      // Nothing is heard on a connection before it is there.
      other.#meet(this.id, own)
      for (const listener of other.#arrived) listener({ from: this.id, channel, data })
    }
    this.#world.in(millis(this.#world.random.below(DELAY_MS)), arrive)
    return true
  }

  #reaches(other: SimLink): boolean {
    const [cut, there, back] = [this.#cut(), `${this.id}>${other.id}`, `${other.id}>${this.id}`]
    return other.#isUp && !cut.has(there) && !cut.has(back)
  }
}
