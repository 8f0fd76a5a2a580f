//! The proposing side: gathers proposals into messages, keeps who waits for what, and settles them
//! in log order.
//!
//! A message goes at the end of the turn of the event loop that filled it. When two are with the
//! replica already the next one waits, and grows: it could not be committed any sooner.

import type { Cancel, Host, Subscribe } from '../../base/host.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { after, millis, type Millis } from '../../base/time.ts'
import { StoreFault } from '../errors.ts'
import type { Applied, Command, IdempotencyKey, LogIndex, ProposeFailure } from '../store.ts'
import { Fifo } from './fifo.ts'
import type { FromReplica, Outcomes, Proposal, ToReplica } from './protocol.ts'
import { blanked } from './seal.ts'

export type Answer = Result<LogIndex, ProposeFailure>

/** Proposals without an answer: above it the disk is hopelessly behind. */
const WAITING_MAX = 50_000
/** After this long the outcome counts as unknown; it is still applied when it comes. */
const PATIENCE = millis(10_000)
/** One is being committed while the other is on its way. */
const MESSAGES_AT_ONCE = 2

type Waiting = {
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
  readonly #waiting = new Fifo<Waiting>()
  #outbox: Proposal[] = []
  /** How many proposals of each message that was sent have no outcome yet. */
  readonly #sent = new Fifo<{ left: number }>()
  #flushing = false
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
      const deadline = after(this.#host.now(), PATIENCE)
      const told = command === undefined ? undefined : blanked(command)
      this.#waiting.push({ command: told, deadline, settle })
      this.#outbox.push({ command, key })
      this.#flushSoon()
      this.#watch()
    })
  }

  readonly applied: Subscribe<Applied> = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What was settled, in log order: listeners first, then the proposer. */
  onOutcomes({ indexes, refusals, failures }: Outcomes): void {
    const reasons = new Map(refusals.map(({ place, reason }) => [place, reason]))
    const failed = new Map(failures.map(({ place, kind }) => [place, kind]))
    for (const [place, number] of indexes.entries()) {
      const waiting = this.#waiting.shift()
      if (waiting === undefined) return
      const index = number as LogIndex
      const kind = failed.get(place)
      if (kind !== undefined) {
        waiting.settle?.(err({ kind }))
        continue
      }
      const reason = reasons.get(place)
      if (reason === undefined && waiting.command !== undefined)
        for (const listener of this.#listeners) listener({ index, command: waiting.command })
      waiting.settle?.(reason === undefined ? ok(index) : err({ kind: 'rejected', reason }))
    }
    this.#countOff(indexes.length)
    this.#flushSoon()
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
    for (let each = this.#waiting.shift(); each !== undefined; each = this.#waiting.shift())
      each.settle?.(err({ kind: 'timeout' }))
  }

  #flushSoon(): void {
    if (this.#flushing || this.#outbox.length === 0) return
    if (this.#sent.size >= MESSAGES_AT_ONCE) return
    this.#flushing = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#flushing = false
    const proposals = this.#outbox
    if (proposals.length === 0) return
    this.#outbox = []
    this.#sent.push({ left: proposals.length })
    this.#send({ kind: 'propose', proposals })
  }

  /** Outcomes come commit by commit; a commit may end anywhere within a message. */
  #countOff(outcomes: number): void {
    let left = outcomes
    for (let first = this.#sent.first(); first !== undefined && left > 0;) {
      const taken = Math.min(first.left, left)
      first.left -= taken
      left -= taken
      if (first.left > 0) return
      this.#sent.shift()
      first = this.#sent.first()
    }
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
    for (const { settle, deadline } of this.#waiting) if (settle !== undefined) return deadline
    return undefined
  }

  #giveUp(now: Millis): void {
    for (const waiting of this.#waiting) {
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
  readonly onOutcomes: (outcomes: Outcomes) => void
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
