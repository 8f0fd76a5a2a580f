//! Which nodes would rather not serve, and why: drained by an administrator, or with a slow disk or
//! a clock that is far off; and which cannot: about to stop, unable to have the address or its
//! ports, or with a main thread that hangs.
//! Each tells the others; whoever hands over asks here.

import type { Cancel, Host } from '../base/host.ts'
import type { NodeId } from '../control/ids.ts'
import { isServerId } from '../store/schema/server.ts'
import type { PeerLink } from './peer-link.ts'

/** In bytes: it is shown to people. */
const WHY_MAX = 200

/** Who is fit, who would serve badly, whom an administrator spares, who would serve nobody. */
const BY_RANK = [undefined, 'reserve', 'spared', 'useless'] as const
/** As a byte. An earlier release takes the third for the second. */
const BY_CODE = [undefined, 'reserve', 'useless', 'spared'] as const
export type Grade = NonNullable<(typeof BY_RANK)[number]>
/** The worse first, and of those the cause before what comes of it. */
const GRADES = {
  stop: 'useless',
  address: 'useless',
  ports: 'useless',
  main: 'useless',
  serving: 'useless',
  drain: 'spared',
  announcing: 'reserve',
  moved: 'reserve',
  disk: 'reserve',
  clock: 'reserve',
} as const satisfies Readonly<Record<string, Grade>>
export type Concern = keyof typeof GRADES
const CONCERNS = Object.keys(GRADES) as readonly Concern[]

/** Why a node had better not serve. */
export type Unfit = { readonly why: string; readonly grade: Grade }

/** The less the better: of who is fit 0. */
export function rankOf(grade: Grade | undefined): number {
  return BY_RANK.indexOf(grade)
}

export type FitnessParts = {
  readonly host: Host
  readonly link: Pick<PeerLink, 'send' | 'peers' | 'arrived' | 'changed'>
  /** Of this node. */
  readonly onChanged: () => void
  /** Another node has told of itself. */
  readonly onOther: () => void
}

export class Fitness {
  readonly #parts: FitnessParts
  readonly #concerns = new Map<Concern, string>()
  readonly #ofOthers = new Map<NodeId, Unfit>()
  readonly #unsubscribe: readonly Cancel[]

  constructor(parts: FitnessParts) {
    this.#parts = parts
    const { link } = parts
    this.#unsubscribe = [
      link.arrived(({ from, channel, data }) => {
        if (channel !== 'fitness') return
        const told = decodeUnfit(data)
        if (told === undefined) this.#ofOthers.delete(from)
        else this.#ofOthers.set(from, told)
        parts.onOther()
      }),
      link.changed(({ peer, isUp }) => {
        if (isUp) this.#tell(peer)
        // It says so again when it is back.
        else this.#ofOthers.delete(peer)
      }),
    ]
  }

  /** The worst of what there is; undefined when there is nothing. */
  get own(): Unfit | undefined {
    const worst = CONCERNS.find((concern) => this.#concerns.has(concern))
    const why = worst && this.#concerns.get(worst)
    return worst && why !== undefined ? { why, grade: GRADES[worst] } : undefined
  }

  of(node: NodeId): Unfit | undefined {
    return this.#ofOthers.get(node)
  }

  /**
   * Whether one of these others is there whose election is worth waiting for: it is fit, or can
   * serve where this one cannot. Not that of one which would serve badly, only because this one is
   * to be spared: behind a slow disk its log is the shorter one, and cannot win. It is handed over
   * to afterwards.
   */
  isAnyBetter(nodes: readonly NodeId[]): boolean {
    const { peers } = this.#parts.link
    const own = this.own?.grade
    const isBetter = (other: Grade | undefined): boolean =>
      own !== undefined && (other === undefined || (own === 'useless' && other !== 'useless'))
    return nodes.some((id) => peers.includes(id) && isBetter(this.of(id)?.grade))
  }

  set(concern: Concern, why: string | undefined): void {
    const before = this.own
    if (why === undefined) this.#concerns.delete(concern)
    else this.#concerns.set(concern, why)
    const { own } = this
    if (own?.why === before?.why && own?.grade === before?.grade) return
    const { host, link, onChanged } = this.#parts
    const level = own === undefined ? 'info' : 'warn'
    host.log(level, 'node.fitness', { isFit: own === undefined, why: own?.why })
    for (const peer of link.peers) this.#tell(peer)
    onChanged()
  }

  stop(): void {
    for (const each of this.#unsubscribe) each()
  }

  #tell(peer: NodeId): void {
    if (isServerId(peer)) return
    this.#parts.link.send(peer, 'fitness', encodeUnfit(this.own))
  }
}

/** The grade, and the text; of who is fit nothing. */
function encodeUnfit(unfit: Unfit | undefined): Uint8Array {
  if (unfit === undefined) return new Uint8Array()
  const text = Buffer.from(unfit.why).subarray(0, WHY_MAX)
  return Buffer.concat([Buffer.of(BY_CODE.indexOf(unfit.grade)), text])
}

function decodeUnfit(data: Uint8Array): Unfit | undefined {
  const [code] = data
  if (code === undefined) return undefined
  const why = Buffer.from(data.subarray(1, 1 + WHY_MAX)).toString()
  return { why, grade: BY_CODE[code] ?? 'useless' }
}
