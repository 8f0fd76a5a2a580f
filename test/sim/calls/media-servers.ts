//! Media servers on hosts of their own, as production code, and the links that nodes have to them.

import type { Cancel } from '../../../src/base/host.ts'
import { millis } from '../../../src/base/time.ts'
import type { NodeId } from '../../../src/control/ids.ts'
import { MediaServer } from '../../../roles/media/server.ts'
import type { ServerLink } from '../../../roles/media/server-link.ts'
import { watchStatus, type WorkerStatus } from '../../../roles/media/worker-status.ts'
import type { World } from '../../harness/world.ts'
import { simMedia, type SimMedia } from '../../media/sim-media.ts'
import { SimWorker } from '../../media/sim-worker.ts'
import type { ReplicaNode } from '../replica/node.ts'
import { Unanswered } from './unanswered.ts'

const WAY_MS = 4
const AWAY_MS = 3_000
/** Who leads has noticed by then as well. */
const DARK_MS = 4_500
/** Some are missed, some are not. */
const HANG_MS = 15_000

type Frame = { readonly from: NodeId; readonly data: Uint8Array }
type Change = { readonly peer: NodeId; readonly isUp: boolean }
type End = {
  readonly hears: (frame: Frame) => void
  readonly sees: (change: Change, connection: number) => void
}

type Machine = {
  readonly id: NodeId
  readonly address: string
  readonly media: SimMedia
  readonly worker: SimWorker
  readonly status: WorkerStatus
  server: MediaServer
  isUp: boolean
  /** What was sent over a connection that broke does not arrive. */
  connection: number
}

export class MediaServers {
  readonly machines: readonly Machine[]
  readonly #world: World
  /** Of nodes that serve, by their ids. */
  readonly #ends = new Map<NodeId, End>()

  static async open(world: World, count: number): Promise<MediaServers> {
    const machines: Omit<Machine, 'server'>[] = []
    for (let each = 1; each <= count; each++) {
      const id = `media:${each}` as NodeId
      const address = `10.0.2.${each}`
      const media = await pacedMedia(world, id, address)
      const host = world.host(id)
      const worker = new SimWorker(host, media.carrier)
      const status = await watchStatus(host, worker)
      machines.push({ id, address, media, worker, status, isUp: true, connection: 1 })
    }
    return new MediaServers(world, machines)
  }

  private constructor(world: World, machines: readonly Omit<Machine, 'server'>[]) {
    this.#world = world
    this.machines = machines.map((machine) => {
      const whole: Machine = { ...machine, server: this.#serverOn(machine) }
      return whole
    })
  }

  /** What `node` has of them while it serves. */
  link(node: ReplicaNode, term: number): { readonly link: ServerLink; readonly close: Cancel } {
    const arrived = new Set<(frame: Frame) => void>()
    const changed = new Set<(change: Change) => void>()
    const soon = (run: () => void): void => node.process.soon(millis(0), run)
    const { id } = node
    const unanswered = new Map(this.machines.map((machine) => [machine.id, new Unanswered()]))
    const end: End = {
      hears: (frame) =>
        soon(() => {
          arrived.forEach((listener) => listener(frame))
          if (this.#ends.get(id) === end)
            unanswered.get(frame.from)?.heard(frame.data, this.#world.now)
        }),
      sees: (change, connection) =>
        soon(() => {
          const { peer, isUp } = change
          if (isUp) unanswered.get(peer)?.connected(connection, this.#world.now)
          else unanswered.get(peer)?.disconnected()
          changed.forEach((listener) => listener(change))
        }),
    }
    this.#ends.set(id, end)
    const lane = { at: 0 }
    const link: ServerLink = {
      registered: () => this.machines.map((machine) => machine.id),
      connected: () => this.machines.filter(({ isUp }) => isUp).map((machine) => machine.id),
      term,
      nodes: () => [],
      send: (to, data) => {
        const machine = this.machines.find((each) => each.id === to)
        if (machine === undefined) return
        unanswered.get(to)?.said(data, machine.connection, this.#world.now)
        if (!machine.isUp) return
        this.#later(lane, machine, () => machine.server.take(id, data))
      },
      arrived: (listener) => {
        arrived.add(listener)
        return () => void arrived.delete(listener)
      },
      changed: (listener) => {
        changed.add(listener)
        return () => void changed.delete(listener)
      },
    }
    const close = (): void => {
      if (this.#ends.get(id) === end) this.#ends.delete(id)
    }
    return { link, close }
  }

  /** Its cable is out for some time: what it carries goes on. */
  cut(): void {
    const machine = this.#pick()
    if (machine?.isUp !== true) return
    this.#disconnect(machine)
    this.#world.in(millis(this.#world.random.below(AWAY_MS)), () => this.#connect(machine))
  }

  /** Nothing arrives for some time. It notices first, and its next connection takes the place. */
  darken(): void {
    const machine = this.#pick()
    if (machine?.isUp !== true) return
    machine.isUp = false
    this.#world.in(millis(this.#world.random.below(DARK_MS)), () => this.#connect(machine))
  }

  /** Its process dies, and another one is there some time later, with nothing. */
  kill(): void {
    const machine = this.#pick()
    if (machine?.isUp !== true) return
    this.#disconnect(machine)
    machine.server.stop()
    void machine.worker.die()
    this.#world.in(millis(this.#world.random.below(AWAY_MS)), () => {
      machine.server = this.#serverOn(machine)
      this.#connect(machine)
    })
  }

  /** Its worker hangs for some time: its process and its connection live. */
  hang(): void {
    const machine = this.#pick()
    if (machine === undefined) return
    machine.worker.hang()
    this.#world.in(millis(this.#world.random.below(HANG_MS)), () => machine.worker.goOn())
  }

  /** Sessions they carry. */
  async sessions(): Promise<number> {
    const counts = await Promise.all(this.machines.map(({ media }) => sessionsOf(media)))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  #pick(): Machine | undefined {
    const { random } = this.#world
    return this.machines[random.below(Math.max(1, this.machines.length))]
  }

  #disconnect(machine: Machine): void {
    machine.isUp = false
    for (const end of this.#ends.values())
      end.sees({ peer: machine.id, isUp: false }, machine.connection)
  }

  #connect(machine: Machine): void {
    machine.isUp = true
    machine.connection++
    for (const end of this.#ends.values())
      end.sees({ peer: machine.id, isUp: true }, machine.connection)
  }

  #serverOn({ id, worker, status }: Pick<Machine, 'id' | 'worker' | 'status'>): MediaServer {
    const lanes = new Map<NodeId, { at: number }>()
    return new MediaServer({
      host: this.#world.host(id),
      media: worker,
      status: status.newest,
      onNodes: () => {},
      send: (to, data) => {
        const machine = this.machines.find((each) => each.id === id)
        if (machine?.isUp !== true) return
        const lane = lanes.get(to) ?? { at: 0 }
        lanes.set(to, lane)
        this.#later(lane, machine, () => this.#ends.get(to)?.hears({ from: id, data }))
      },
    })
  }

  /** In the order in which it was sent, unless the connection breaks meanwhile. */
  #later(lane: { at: number }, machine: Machine, run: () => void): void {
    const { now, random } = this.#world
    const { connection } = machine
    lane.at = Math.max(lane.at, now + (WAY_MS * random.below(11)) / 10)
    this.#world.in(millis(lane.at - now), () => {
      if (machine.isUp && machine.connection === connection) run()
    })
  }
}

/** Its frames are paced by whole milliseconds. */
export function pacedMedia(world: World, name: string, address: string): Promise<SimMedia> {
  const host = { ...world.host(name), now: () => millis(Math.floor(world.now)) }
  return simMedia(world, name, host, address)
}

export async function sessionsOf({ carrier }: SimMedia): Promise<number> {
  const sessions = await carrier.ask({ method: 'sessions' })
  return sessions === 'unreachable' ? 0 : sessions.length
}
