//! All open connections: by flow, by whom they lead to (RFC 3261 §18, RFC 5923), and one sweep for
//! everything that takes too long.

import type { Cancel, Host } from '../../base/host.ts'
import { after, seconds, type Millis } from '../../base/time.ts'
import type { FlowId, Source, Target, TransportName } from '../transaction/flow.ts'
import { Admission, type Admitted } from './admission.ts'
import { Connection, type ConnectionEvents, type Wire } from './connection.ts'
import { connectionFlowId } from './flow-id.ts'
import { type ConnectionLimits, FAREWELL, SWEEP } from './limits.ts'
import { Parts } from './parts.ts'

export type PoolOptions = {
  readonly host: Host
  readonly limits: ConnectionLimits
  readonly events: Omit<ConnectionEvents, 'onHolds'>
}

export type Opening = {
  readonly transport: TransportName
  readonly wire: Wire
  /** Of a connection that came to us. */
  readonly admitted?: Admitted
  /** How long opening may take, of one we dial. */
  readonly patience?: Millis
}

/** What a flood does is logged this often. */
const TELL_EVERY = seconds(10)

export class Pool {
  readonly limits: ConnectionLimits
  readonly admission: Admission
  readonly #host: Host
  readonly #events: ConnectionEvents
  readonly #process: string
  readonly #byFlow = new Map<FlowId, Connection>()
  readonly #byName = new Map<string, Connection>()
  readonly #parts: Parts<Connection>
  /** Connections closed because too much was half received, and those not logged yet. */
  overfull = 0
  #untold = 0
  #toldAt = Number.NEGATIVE_INFINITY
  #serial = 0
  #sweeping: Cancel | undefined
  #emptied: () => void = () => undefined

  constructor({ host, limits, events }: PoolOptions) {
    this.#host = host
    this.limits = limits
    this.admission = new Admission(limits)
    this.#parts = new Parts(limits)
    this.#process = host.random.token(10)
    this.#events = {
      onMessage: (connection, bytes) => events.onMessage(connection, bytes),
      onFailed: (failure) => events.onFailed(failure),
      onHolds: (connection, bytes) => this.#hold(connection, bytes),
      onClosed: (connection, cause) => {
        this.#forget(connection)
        events.onClosed(connection, cause)
      },
    }
  }

  get size(): number {
    return this.#byFlow.size
  }

  /** A connection that came to us has a source from the start; one we dial gets it later. */
  add(opening: Opening, source?: Omit<Source, 'flow'>): Connection {
    const { transport, wire, admitted, patience } = opening
    const flow = connectionFlowId(transport, this.#process, ++this.#serial)
    const connection = new Connection({
      flow,
      dialled: admitted === undefined,
      wire,
      events: this.#events,
      limits: this.limits,
      now: this.#host.now,
      admitted,
      patience: patience ?? this.limits.connect,
    })
    if (source !== undefined) {
      connection.opened({ ...source, flow })
      this.name(connection, { transport, host: source.address, port: source.port })
    }
    this.#byFlow.set(flow, connection)
    this.#arm()
    return connection
  }

  byFlow(flow: FlowId): Connection | undefined {
    return this.#byFlow.get(flow)
  }

  /** One that leads to the target already: dialled for it, come from it, or its alias. */
  leadingTo(target: Target): Connection | undefined {
    const found = this.#byName.get(nameOf(target))
    return found?.usable === true ? found : undefined
  }

  /** Requests for `target` may use this connection, unless another is known for it. */
  name(connection: Connection, target: Target): void {
    const name = nameOf(target)
    const known = this.#byName.get(name)
    if (known === connection || known?.usable === true) return
    this.#byName.set(name, connection)
    connection.names.push(name)
  }

  introduced(connection: Connection): void {
    if (connection.admitted !== undefined) this.admission.introduced(connection.admitted)
  }

  *[Symbol.iterator](): Generator<Connection> {
    yield* this.#byFlow.values()
  }

  /** Ends all connections, those that will not end in time by force. */
  async close(): Promise<void> {
    for (const connection of this.#byFlow.values()) connection.end('shut down')
    if (this.#byFlow.size > 0)
      await new Promise<void>((resolve) => {
        const cancel = this.#host.wake(after(this.#host.now(), FAREWELL), resolve)
        this.#emptied = () => {
          cancel()
          resolve()
        }
      })
    this.#sweeping?.()
    this.#sweeping = undefined
    for (const connection of this.#byFlow.values()) connection.destroy('shut down')
  }

  #hold(connection: Connection, bytes: number): void {
    const address = connection.source?.address
    if (address === undefined) return
    this.#parts.hold(connection, address, bytes)
    if (bytes === 0) return
    for (let over = this.#parts.over(address); over !== undefined; over = this.#parts.over(address))
      this.#closeOverfull(over)
  }

  #closeOverfull(connection: Connection): void {
    this.overfull++
    this.#untold++
    connection.destroy('too much half received')
    const now = this.#host.now()
    if (now - this.#toldAt < TELL_EVERY) return
    const address = connection.source?.address
    const { bytes } = this.#parts
    this.#host.log('warn', 'connections.overfull', { address, closed: this.#untold, bytes })
    this.#toldAt = now
    this.#untold = 0
  }

  #forget(connection: Connection): void {
    const address = connection.source?.address
    if (address !== undefined) this.#parts.hold(connection, address, 0)
    this.#byFlow.delete(connection.flow)
    for (const name of connection.names)
      if (this.#byName.get(name) === connection) this.#byName.delete(name)
    if (connection.admitted !== undefined) this.admission.release(connection.admitted)
    if (this.#byFlow.size === 0) this.#emptied()
  }

  #arm(): void {
    this.#sweeping ??= this.#host.wake(after(this.#host.now(), SWEEP), () => {
      this.#sweeping = undefined
      const now = this.#host.now()
      for (const connection of this.#byFlow.values()) connection.sweep(now)
      if (this.#byFlow.size > 0) this.#arm()
    })
  }
}

/** A connection that was verified for one name serves no other. */
function nameOf({ transport, host, port, serverName = '' }: Target): string {
  return `${transport}|${host}|${port}|${transport === 'tls' ? serverName : ''}`
}
