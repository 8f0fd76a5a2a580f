//! The open RTP/RTCP socket pairs of one worker and one local address. Some are always open in
//! advance, so that a call need not wait for the system; used ones are lent again after a rest.

import type { Log } from '../base/host.ts'
import type { Random } from '../base/random.ts'
import type { UdpHub, UdpSocket } from '../native/udp.ts'
import { PortPool, type Pair, type PortRange } from './port-pool.ts'

/** One stream's two sockets. `owner` is whoever has it on loan. */
export type PortPair<Owner> = Pair & {
  readonly port: number
  readonly rtp: UdpSocket
  readonly rtcp: UdpSocket
  owner: Owner | undefined
}

export type StockCounts = {
  readonly lent: number
  readonly resting: number
  readonly ready: number
  readonly closed: number
}

/** Pairs kept open in advance; a request needs at most two legs of `MEDIA_LINES_MAX`. */
const READY_MIN = 64
const REST_LONGEST_MS = 60_000
const RETIRED_AT_ONCE = 64
/** A stream's burst of video frames must fit; 64 KiB is 300 ms of 1.5 Mbit/s. */
const BUFFER_BYTES = 64 << 10

export class PortStock<Owner> {
  readonly #hub: UdpHub<unknown>
  readonly #address: string
  readonly #pool: PortPool<PortPair<Owner>>
  readonly #openMax: number
  readonly #log: Log
  readonly #bySocket: (PortPair<Owner> | undefined)[]
  #filling: Promise<void> | undefined
  #toldExhausted = false

  constructor(options: {
    readonly hub: UdpHub<unknown>
    readonly address: string
    readonly range: PortRange
    /** Pairs that may be open at once: the system's limit of files, less what others need. */
    readonly openMax: number
    readonly random: Random
    readonly log: Log
    /** Shared by all stocks of a hub, by socket id: who a datagram is for. */
    readonly bySocket: (PortPair<Owner> | undefined)[]
  }) {
    this.#hub = options.hub
    this.#address = options.address
    this.#pool = new PortPool(options.range, options.random)
    this.#openMax = options.openMax
    this.#log = options.log
    this.#bySocket = options.bySocket
  }

  /** A pair that its taker makes itself the owner of; undefined when none is ready. */
  take(): PortPair<Owner> | undefined {
    return this.#pool.take()
  }

  release(pair: PortPair<Owner>, now: number): void {
    pair.owner = undefined
    this.#pool.release(pair, now)
  }

  /** Is there enough for one request? When not, `fill` first. */
  isReady(): boolean {
    return this.#pool.ready >= READY_MIN / 2
  }

  /** Brings the ready pairs up to their mark, or as near as the range and the system allow. */
  fill(now: number): Promise<void> {
    this.#filling ??= this.#fill(now).finally(() => {
      this.#filling = undefined
    })
    return this.#filling
  }

  /** Closes what has rested long; called now and then. */
  retire(now: number): void {
    for (const pair of this.#pool.retire(now, REST_LONGEST_MS, RETIRED_AT_ONCE)) {
      pair.rtp.close()
      pair.rtcp.close()
      this.#bySocket[pair.rtp.id] = undefined
      this.#bySocket[pair.rtcp.id] = undefined
      this.#pool.portClosed(pair.port)
    }
  }

  counts(): StockCounts {
    const { lent, resting, ready, closed } = this.#pool
    return { lent, resting, ready, closed }
  }

  async #fill(now: number): Promise<void> {
    const pool = this.#pool
    pool.wake(now, READY_MIN - pool.ready, false)
    let cause = 'all ports are in use'
    while (pool.ready < READY_MIN && pool.open < this.#openMax) {
      const port = pool.portToOpen(now)
      if (port === undefined) break
      const opened = await this.#open(port)
      if (typeof opened !== 'string') pool.add(opened)
      else {
        cause = opened
        pool.portTaken(port, now)
        if (opened !== 'EADDRINUSE') break
      }
    }
    if (pool.ready < READY_MIN) pool.wake(now, READY_MIN - pool.ready, true)
    if (pool.ready === 0) this.#tellExhausted(pool.open < this.#openMax ? cause : 'EMFILE')
    else this.#toldExhausted = false
  }

  async #open(port: number): Promise<PortPair<Owner> | string> {
    const options = { address: this.#address, bufferBytes: BUFFER_BYTES }
    const rtp = await this.#hub.open({ ...options, port })
    if (!rtp.ok) return rtp.error.code
    const rtcp = await this.#hub.open({ ...options, port: port + 1 })
    if (!rtcp.ok) {
      rtp.value.close()
      return rtcp.error.code
    }
    const pair: PortPair<Owner> = {
      port,
      rtp: rtp.value,
      rtcp: rtcp.value,
      owner: undefined,
      lastPacketAt: Number.NEGATIVE_INFINITY,
    }
    this.#bySocket[rtp.value.id] = pair
    this.#bySocket[rtcp.value.id] = pair
    return pair
  }

  #tellExhausted(cause: string): void {
    if (this.#toldExhausted) return
    this.#toldExhausted = true
    const mend =
      cause === 'EMFILE' || cause === 'ENFILE'
        ? 'raise the limit of open files (LimitNOFILE=, ulimit -Hn): a call takes four'
        : 'widen --rtp-ports, or see what else holds them'
    this.#log('error', 'media.ports-exhausted', { address: this.#address, cause, mend })
  }
}
