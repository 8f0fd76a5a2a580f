//! Media servers and whoever leads them, without a network: production code on simulated sockets,
//! in virtual time.

import { setImmediate as turn } from 'node:timers/promises'
import type { CallId, NodeId } from '../../../src/control/ids.ts'
import type { MediaControl, MediaEvent, MediaId, Sdp } from '../../../src/control/media-control.ts'
import { millis } from '../../../src/base/time.ts'
import { MediaByRequests } from '../../../src/media/by-requests.ts'
import { MediaPool } from '../../../roles/media/pool.ts'
import { MediaServer } from '../../../roles/media/server.ts'
import type { NodeAddress } from '../../../roles/media/messages.ts'
import type { ServerLink } from '../../../roles/media/server-link.ts'
import { watchStatus } from '../../../roles/media/worker-status.ts'
import type { World } from '../../harness/world.ts'
import { simMedia, type SimMedia } from '../../media/sim-media.ts'
import { SimWorker } from '../../media/sim-worker.ts'

type Frame = { readonly from: NodeId; readonly data: Uint8Array }
type Change = { readonly peer: NodeId; readonly isUp: boolean }

type OneServer = {
  readonly media: SimMedia
  readonly worker: SimWorker
  readonly server: MediaServer
  /** That it was told of last, by their ids. */
  nodes: readonly string[]
}

export function nodeAt(id: string): NodeAddress {
  return { id: id as NodeId, host: '127.0.0.1', port: 7_480 }
}

export class Office {
  readonly world: World
  readonly servers = new Map<NodeId, OneServer>()
  readonly leaders = new Map<NodeId, Leader>()
  readonly up = new Set<NodeId>()
  /** As whoever leads knows them. */
  nodes: readonly NodeAddress[] = [nodeAt('node-1')]

  constructor(world: World) {
    this.world = world
  }

  async addServer(name: string): Promise<NodeId> {
    const id = `media:${name}` as NodeId
    const media = await simMedia(this.world, name)
    const host = this.world.host(name)
    const worker = new SimWorker(host, media.carrier)
    const status = await watchStatus(host, worker)
    const server = new MediaServer({
      host,
      media: worker,
      status: status.newest,
      onNodes: (nodes) => (one.nodes = nodes.map((node) => node.id)),
      send: (to, data) => {
        if (this.up.has(id)) this.leaders.get(to)?.hears({ from: id, data })
      },
    })
    const one: OneServer = { media, worker, server, nodes: [] }
    this.servers.set(id, one)
    this.up.add(id)
    return id
  }

  cut(id: NodeId): void {
    this.up.delete(id)
    for (const leader of this.leaders.values()) leader.sees({ peer: id, isUp: false })
  }

  mend(id: NodeId): void {
    this.up.add(id)
    for (const leader of this.leaders.values()) leader.sees({ peer: id, isUp: true })
  }
}

export class Leader {
  readonly pool: MediaPool
  readonly media: MediaControl
  readonly local: SimMedia
  /** Of the node itself. */
  readonly worker: SimWorker
  readonly events: MediaEvent[] = []
  readonly #arrived = new Set<(frame: Frame) => void>()
  readonly #changed = new Set<(change: Change) => void>()

  constructor(office: Office, name: NodeId, term: number, local: SimMedia) {
    this.local = local
    const { world, servers, up } = office
    const link: ServerLink = {
      registered: () => [...servers.keys()],
      connected: () => [...up],
      term,
      nodes: () => office.nodes,
      send: (to, data) => {
        if (up.has(to)) void turn().then(() => servers.get(to)?.server.take(name, data))
      },
      arrived: (listener) => {
        this.#arrived.add(listener)
        return () => this.#arrived.delete(listener)
      },
      changed: (listener) => {
        this.#changed.add(listener)
        return () => this.#changed.delete(listener)
      },
    }
    const host = world.host(name)
    this.worker = new SimWorker(host, local.carrier)
    this.pool = new MediaPool({ host, local: this.worker, link })
    this.media = new MediaByRequests(this.pool)
    this.pool.events((event) => this.events.push(event))
  }

  hears(frame: Frame): void {
    for (const listener of this.#arrived) listener(frame)
  }

  sees(change: Change): void {
    for (const listener of this.#changed) listener(change)
  }
}

/** `servers` of them, and nobody who leads yet. */
export async function mediaOffice(
  world: World,
  servers: number,
): Promise<{ readonly office: Office; readonly ids: readonly NodeId[] }> {
  const office = new Office(world)
  const ids: NodeId[] = []
  for (let each = 1; each <= servers; each++) ids.push(await office.addServer(`server-${each}`))
  return { office, ids }
}

/** Time passes by these, so that who asks again and again is answered in between. */
const STEP_MS = 100

let terms = 0

/** A node that leads from now on; those before it are not told. */
export async function lead(office: Office, name: string): Promise<Leader> {
  const id = name as NodeId
  const leader = new Leader(office, id, ++terms, await simMedia(office.world, name))
  office.leaders.set(id, leader)
  return leader
}

/** Lets messages arrive, and `ms` of virtual time pass. */
export async function passed({ world }: Office, ms = 0): Promise<void> {
  await arrived()
  for (let left = ms; left >= 0; left -= STEP_MS) {
    world.pass(millis(Math.min(left, STEP_MS)))
    await arrived()
  }
}

async function arrived(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await turn()
}

/** The sessions of a call. */
export const media = (call: string): MediaId[] => [`${call}-a`, `${call}-b`] as MediaId[]

/** Two phones talk. */
export async function talk(
  { media: pool }: Pick<Leader, 'media'>,
  name: string,
  other = 'b',
): Promise<void> {
  const call = name as CallId
  const [from, to] = [`${name}-a`, `${name}-${other}`] as MediaId[] as [MediaId, MediaId]
  const offered = await pool.relayOffer({ call, from, to, sdp: phone(4_000), restated: false })
  const answered = await pool.relayAnswer({ call, from: to, to: from, sdp: phone(5_000) })
  if (!offered.ok || !answered.ok) throw new Error(JSON.stringify([offered, answered]))
}

/** A call begins on this server, which is cut off then: whoever leads now has given it up. */
export async function callGivenUp(office: Office, server: NodeId): Promise<Leader> {
  const first = await lead(office, 'node-1')
  await talk(first, 'one')
  first.pool.stop()
  office.cut(server)
  const second = await lead(office, 'node-2')
  await passed(office, 3_000)
  return second
}

/** What a phone says in an offer or answer. */
export function phone(port: number): Sdp {
  const head = 'v=0\r\no=phone 1 1 IN IP4 192.0.2.99\r\ns=-\r\nc=IN IP4 192.0.2.99\r\nt=0 0\r\n'
  return `${head}m=audio ${port} RTP/AVP 0\r\n` as Sdp
}

/** How many sessions live on each. */
export async function counts(
  { servers }: Office,
  ids: readonly NodeId[],
): Promise<readonly number[]> {
  const found: number[] = []
  for (const id of ids) {
    const sessions = await servers.get(id)?.media.carrier.ask({ method: 'sessions' })
    found.push(Array.isArray(sessions) ? sessions.length : -1)
  }
  return found
}

export function at(ids: readonly NodeId[], index: number): NodeId {
  const id = ids[index]
  if (id === undefined) throw new Error(`there is no server ${index}`)
  return id
}
