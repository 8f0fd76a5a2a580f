//! The transaction layer: RFC 3261 §17 between transport (§18) and transaction user.
//!
//!     received ──┬─ response ── client transaction ──> response, failed
//!                └─ request ─── server transaction ──> request, cancel, ack
//!     request, cancel ───────── client transaction ──> send
//!     respond ───────────────── server transaction ──> send
//!
//! Pure: one machine for all transactions of a stack.

import { unreachable } from '../../base/assert.ts'
import type { Machine } from '../../base/machine.ts'
import { millis, type Millis } from '../../base/time.ts'
import { ClientTransaction } from './client-transaction.ts'
import { ClientTransactions } from './client-transactions.ts'
import type { ServerKey } from './keys.ts'
import type { LayerInput, LayerOutput } from './layer-events.ts'
import { Schedule, type Timed } from './schedule.ts'
import { ServerTransaction } from './server-transaction.ts'
import { ServerTransactions, type ServerBounds } from './server-transactions.ts'

export const DEFAULT_BOUNDS: ServerBounds = { transactions: 500_000, lingering: 65_536 }

export type LayerSize = {
  readonly clients: number
  /** Flows and targets that have client transactions without a final answer. */
  readonly places: number
  readonly servers: number
  readonly timers: number
}

export class TransactionLayer implements Machine<LayerInput, LayerOutput> {
  readonly #schedule = new Schedule()
  readonly #clients = new ClientTransactions(this.#schedule)
  readonly #servers: ServerTransactions

  /** `hasSuccessor`: another process goes on when this one ends. */
  constructor(bounds: ServerBounds = DEFAULT_BOUNDS, hasSuccessor = false) {
    this.#servers = new ServerTransactions(this.#schedule, bounds, hasSuccessor)
  }

  step(input: LayerInput, now: Millis): readonly LayerOutput[] {
    const out: LayerOutput[] = []
    this.#take(input, now, out)
    return out
  }

  deadline(): Millis | undefined {
    const scheduled = this.#schedule.deadline()
    const lingering = this.#servers.deadline()
    if (scheduled === undefined || lingering === undefined) return scheduled ?? lingering
    return millis(Math.min(scheduled, lingering))
  }

  /** A request with this key would be a retransmission, or an ACK to a 300-699. */
  knows(key: ServerKey): boolean {
    return this.#servers.has(key)
  }

  /** What is alive; all zero when nothing is. */
  get size(): LayerSize {
    const { size: clients, places } = this.#clients
    return { clients, places, servers: this.#servers.size, timers: this.#schedule.size }
  }

  #take(input: LayerInput, now: Millis, out: LayerOutput[]): void {
    switch (input.kind) {
      case 'received': {
        const { message, source } = input
        if (message.kind === 'request') return this.#servers.hear(message, source, now, out)
        return this.#clients.hear(message, source, now, out)
      }
      case 'request':
        return this.#clients.start(input, now, out)
      case 'resume':
        return this.#servers.resume(input, now)
      case 'seek':
        return this.#servers.seek(input.key, input.to)
      case 'respond':
        return this.#servers.answer(input, now, out)
      case 'ignore':
        return this.#servers.ignore(input.key, out)
      case 'cancel':
        return this.#clients.cancel(input, now, out)
      case 'transport-failed':
        this.#clients.transportFailed(input.to, input.message, now, out)
        if (input.message !== undefined) this.#servers.transportFailed(input.message, now, out)
        else if (typeof input.to === 'string') this.#servers.flowClosed(input.to, now, out)
        return undefined
      case 'wake':
        this.#servers.wake(now, out)
        return this.#schedule.wake(now, out, (timed) => this.#settle(timed, out))
      default:
        return unreachable(input)
    }
  }

  #settle(timed: Timed, out: LayerOutput[]): void {
    if (timed instanceof ClientTransaction) this.#clients.settle(timed, out)
    else if (timed instanceof ServerTransaction) this.#servers.settle(timed, out)
  }
}
