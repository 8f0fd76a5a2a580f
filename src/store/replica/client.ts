//! The proposing side: gathers what one turn of the event loop proposes into one message, keeps
//! who waits for what, and settles them in log order.

import type { Cancel, Host, Subscribe } from '../../base/host.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { after, millis, type Millis } from '../../base/time.ts'
import { StoreFault } from '../errors.ts'
import type { Applied, Command, IdempotencyKey, LogIndex, ProposeFailure } from '../store.ts'
import type { FromReplica, Outcome, Proposal, ToReplica } from './protocol.ts'
import { blanked } from './seal.ts'

export type Answer = Result<LogIndex, ProposeFailure>

/** Proposals without an answer: above it the disk is hopelessly behind. */
const WAITING_MAX = 50_000
/** After this long the outcome counts as unknown; it is still applied when it comes. */
const PATIENCE = millis(10_000)

type Waiting = {
  readonly id: number
  readonly command: Command | undefined
  readonly deadline: Millis
  /** Undefined once the proposer has been told that the time is up. */
  settle: ((answer: Answer) => void) | undefined
}

export class ReplicaClient {
  readonly #host: Host
  readonly #send: (message: ToReplica) => void
  readonly #listeners = new Set<(applied: Applied) => void>()
  /** In the order of proposing, which is the order of the answers. */
  readonly #waiting = new Map<number, Waiting>()
  #outbox: Proposal[] = []
  #lastId = 0
  #unwatch: Cancel | undefined
  #closed = false

  constructor(host: Host, send: (message: ToReplica) => void) {
    this.#host = host
    this.#send = send
  }

  /** A barrier when there is no command. */
  propose(command: Command | undefined, key: IdempotencyKey | undefined): Promise<Answer> {
    if (this.#closed) return Promise.resolve(err({ kind: 'closed' }))
    if (this.#waiting.size >= WAITING_MAX) return Promise.resolve(err({ kind: 'overloaded' }))
    return new Promise((settle) => {
      const id = ++this.#lastId
      const deadline = after(this.#host.now(), PATIENCE)
      const told = command === undefined ? undefined : blanked(command)
      this.#waiting.set(id, { id, command: told, deadline, settle })
      if (this.#outbox.push({ id, command, key }) === 1) setImmediate(() => this.#flush())
      this.#watch()
    })
  }

  readonly applied: Subscribe<Applied> = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What was settled, in log order: listeners first, then the proposer. */
  onOutcomes(outcomes: readonly Outcome[]): void {
    for (const { id, index, refusal } of outcomes) {
      const waiting = this.#waiting.get(id)
      if (waiting === undefined) continue
      this.#waiting.delete(id)
      if (refusal === undefined && waiting.command !== undefined)
        for (const listener of this.#listeners) listener({ index, command: waiting.command })
      if (refusal === undefined) waiting.settle?.(ok(index))
      else waiting.settle?.(err({ kind: 'rejected', reason: refusal }))
    }
  }

  /** From now on nothing is accepted; resolves when all that waits has its answer. */
  async finish(): Promise<void> {
    const reached = this.propose(undefined, undefined)
    this.#closed = true
    await reached
  }

  /** The replica is gone: what waits has an unknown outcome, and whoever asks is told so. */
  abandon(): void {
    this.#closed = true
    this.#unwatch?.()
    this.#outbox = []
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { settle } of waiting) settle?.(err({ kind: 'timeout' }))
  }

  #flush(): void {
    const proposals = this.#outbox
    if (proposals.length === 0) return
    this.#outbox = []
    this.#send({ kind: 'propose', proposals })
  }

  #watch(): void {
    if (this.#unwatch !== undefined) return
    const due = this.#oldestPatient()
    if (due === undefined) return
    this.#unwatch = this.#host.wake(due, () => {
      this.#unwatch = undefined
      this.#giveUp(this.#host.now())
      this.#watch()
    })
  }

  #oldestPatient(): Millis | undefined {
    for (const { settle, deadline } of this.#waiting.values())
      if (settle !== undefined) return deadline
    return undefined
  }

  #giveUp(now: Millis): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.deadline > now) return
      const { settle } = waiting
      if (settle === undefined) continue
      waiting.settle = undefined
      this.#host.log('warn', 'proposal.timed-out', { command: waiting.command?.kind })
      settle(err({ kind: 'timeout' }))
    }
  }
}

export type ReplicaNews = {
  readonly onOpened: () => void
  readonly onOutcomes: (outcomes: readonly Outcome[]) => void
  readonly onFault: (fault: StoreFault) => void
  readonly onClosed: () => void
}

export function dispatch(message: FromReplica, news: ReplicaNews): void {
  switch (message.kind) {
    case 'opened':
      return news.onOpened()
    case 'outcomes':
      return news.onOutcomes(message.outcomes)
    case 'fault':
      return news.onFault(new StoreFault(message.code, message.message))
    case 'closed':
      return news.onClosed()
  }
}
