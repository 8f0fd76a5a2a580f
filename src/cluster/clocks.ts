//! What the wall clock of each node says, and the time of the cluster. Each node tells the others
//! both when they connect, and then every second; of who is not connected nothing is known.

import type { Cancel, Host } from '../base/host.ts'
import { wallTime, type WallTime } from '../base/time.ts'
import type { NodeId } from '../control/ids.ts'
import { isServerId } from '../store/schema/server.ts'
import { ClusterTime } from './cluster-time.ts'
import { APART_MAX } from './join/clock.ts'
import type { PeerLink } from './peer-link.ts'

/** Milliseconds; by less two clocks do not differ. What is told may have waited for its turn. */
const TOLERATED = 2_000
/** Milliseconds: who was far off is not any more. Less than what is far, or it would be in turn. */
const NEAR = APART_MAX / 2
/** Looks, one a second, before it is logged. */
const PATIENCE = 5
const FAR_OFF = 'its clock is, or was, off by more than an hour: let NTP set it'
const MEND = 'let it be set by NTP (timedatectl); until then call records may be dated wrongly'

export type ClocksParts = {
  readonly host: Host
  readonly self: NodeId
  readonly link: Pick<PeerLink, 'send' | 'peers' | 'arrived' | 'changed'>
  readonly leader: () => NodeId | undefined
}

export class Clocks {
  readonly time: ClusterTime
  readonly #parts: ClocksParts
  /** What their wall clocks said when none had been set since the one here began to run. */
  readonly #began = new Map<NodeId, number>()
  readonly #unsubscribe: readonly Cancel[]
  #looksOff = 0
  #trouble: string | undefined

  constructor(parts: ClocksParts) {
    const { host, link, leader } = parts
    this.#parts = parts
    this.time = new ClusterTime(host)
    this.#unsubscribe = [
      link.arrived(({ from, channel, data }) => {
        if (channel !== 'clock') return
        const told = decoded(data)
        if (told === undefined)
          return host.log('warn', 'peer.message-unreadable', { peer: from, bytes: data.length })
        this.#began.set(from, told.wall - host.now())
        if (from === leader()) this.time.follow(told.time)
      }),
      link.changed(({ peer, isUp }) => {
        if (isUp) this.#tell(peer)
        else this.#began.delete(peer)
      }),
    ]
  }

  /** Once a second. Why this node had better not serve; undefined when its clock is near enough. */
  tick(): string | undefined {
    const { host, link, self } = this.#parts
    for (const peer of link.peers) this.#tell(peer)
    const ahead = this.off(self)
    if (ahead === undefined) {
      if (this.#looksOff >= PATIENCE) host.log('info', 'clock.right-again')
      this.#looksOff = 0
    } else if (++this.#looksOff === PATIENCE)
      host.log('warn', 'clock.off', { aheadMs: ahead, mend: MEND })
    const off = Math.abs(ahead ?? 0)
    if (off > APART_MAX && this.#looksOff >= PATIENCE) this.#trouble = FAR_OFF
    // When most are gone it is not to be known who is right: what was known then stays.
    if (off < NEAR && this.#isAnotherWithin(NEAR)) this.#trouble = undefined
    return this.#trouble
  }

  /**
   * By how many milliseconds the wall clock of a node is ahead of those of most. Undefined when it
   * is not, or nothing is known. Of two that differ it is the other one's that is said to be off.
   */
  off(node: NodeId): number | undefined {
    const ahead = this.#ahead
    const own = ahead.get(node)
    if (own === undefined) return undefined
    const off = Math.round(own - middleOf([...ahead.values()]))
    return Math.abs(off) < TOLERATED ? undefined : off
  }

  /** Most say what the clock here says, and another one does: not only that none is known. */
  get isSure(): boolean {
    return this.off(this.#parts.self) === undefined && this.#isAnotherWithin(TOLERATED)
  }

  stop(): void {
    for (const each of this.#unsubscribe) each()
  }

  /** By which they are ahead of the one here, its own among them: that may have just been set. */
  get #ahead(): ReadonlyMap<NodeId, number> {
    const { host, self } = this.#parts
    const here = host.wall() - host.now()
    const others = [...this.#began].map(([node, began]) => [node, began - here] as const)
    return new Map([[self, 0], ...others])
  }

  #isAnotherWithin(ms: number): boolean {
    const { self } = this.#parts
    return [...this.#ahead].some(([node, ahead]) => node !== self && Math.abs(ahead) < ms)
  }

  #tell(peer: NodeId): void {
    if (isServerId(peer)) return
    const { host, link } = this.#parts
    link.send(peer, 'clock', Buffer.from(`${host.wall()} ${this.time.read()}`))
  }
}

/** Of an even number the one of the two that is nearer to nothing. */
function middleOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const above = sorted[Math.floor(sorted.length / 2)] ?? 0
  const below = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  return Math.abs(below) < Math.abs(above) ? below : above
}

const LENGTH_MAX = 31

function decoded(data: Uint8Array): { wall: WallTime; time: WallTime } | undefined {
  const text = Buffer.from(data.subarray(0, LENGTH_MAX + 1)).toString('latin1')
  const [, wall, time] = /^(\d{1,15}) (\d{1,15})$/.exec(text) ?? []
  if (wall === undefined || time === undefined) return undefined
  return { wall: wallTime(Number(wall)), time: wallTime(Number(time)) }
}
