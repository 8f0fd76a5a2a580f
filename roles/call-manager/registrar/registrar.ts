//! The registrar: RFC 3261 §10 as a machine.
//!
//!     register -> decide -+- refused or nothing new ------------------------> respond
//!                         +- pure refresh -> memory, next batch ------------> respond
//!                         +- new, changed, gone -> propose -> committed ----> memory, respond
//!
//! REGISTERs of one AOR pass one at a time: while a change of it is being committed the next ones
//! wait, so that what was decided is still true when it takes effect.

import type { Machine } from '../../../src/base/machine.ts'
import type { Random } from '../../../src/base/random.ts'
import type { Millis, WallTime } from '../../../src/base/time.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'
import type { FlowId } from '../../../src/sip/transaction/flow.ts'
import type { BindingCommand } from '../../../src/store/schema/binding.ts'
import { accepted, DateHeader, refused } from './answer.ts'
import { rowOf, type BindingRecord } from './binding-record.ts'
import type { BindingTable } from './binding-table.ts'
import { decide, type Changes, type Refresh, type Registration } from './decide.ts'
import type { TemporaryGruus } from './gruu.ts'
import type { RegistrarPolicy } from './policy.ts'
import { RefreshBatch, type Telling, type Told, type Unsaid } from './refresh-batch.ts'

/** Names a REGISTER that waits for its answer; the host's own. */
export type Ticket = number

export type Input =
  | { readonly kind: 'register'; readonly ticket: Ticket; readonly registration: Registration }
  /** What became of the command proposed for the AOR. */
  | { readonly kind: 'committed'; readonly aor: string; readonly outcome: CommitOutcome }
  /** What became of what was told. */
  | { readonly kind: 'told'; readonly telling: Telling; readonly isSaved: boolean }
  | { readonly kind: 'flow-closed'; readonly flow: FlowId }
  /** The extension is no more, or may not register any more. */
  | { readonly kind: 'revoked'; readonly aor: string }
  | { readonly kind: 'wake' }

export type CommitOutcome = 'ok' | 'busy' | 'failed'

export type Output =
  | { readonly kind: 'respond'; readonly ticket: Ticket; readonly response: SipResponse }
  /** To be answered by `committed`. */
  | { readonly kind: 'propose'; readonly aor: string; readonly command: BindingCommand }
  /** Recoverable: no phone waits for it. To be answered by `told`. */
  | ({ readonly kind: 'tell' } & Told)

/** Lent by the host. `wallAt` is for times in the store, `date` for what phones are told. */
export type RegistrarContext = {
  readonly policy: RegistrarPolicy
  readonly random: Random
  readonly wallAt: (now: Millis) => WallTime
  readonly date: () => WallTime
  readonly gruus: TemporaryGruus
  readonly isOpen: (flow: FlowId) => boolean
}

type Waiting = { readonly ticket: Ticket; readonly registration: Registration }
type Pending = Waiting & {
  readonly changes: Changes
  readonly queue: Waiting[]
  /** What the store was to be told of the AOR, and is when this is through. */
  readonly forgotten: Unsaid[]
}

export class Registrar implements Machine<Input, Output> {
  readonly #table: BindingTable
  readonly #context: RegistrarContext
  readonly #pending = new Map<string, Pending>()
  readonly #batch: RefreshBatch
  readonly #date = new DateHeader()
  #outputs: Output[] = []

  constructor(table: BindingTable, context: RegistrarContext) {
    this.#table = table
    this.#context = context
    this.#batch = new RefreshBatch(context.policy.refreshInterval)
  }

  step(input: Input, now: Millis): readonly Output[] {
    switch (input.kind) {
      case 'register':
        this.#onRegister(input, now)
        break
      case 'committed':
        this.#onCommitted(input.aor, input.outcome, now)
        break
      case 'told':
        this.#onTold(input.telling, input.isSaved, now)
        break
      case 'flow-closed':
        this.#onFlowClosed(input.flow)
        break
      case 'revoked':
        for (const record of this.#table.records(input.aor)) this.#take(record, 'unregistered', now)
        break
      case 'wake':
        this.#onWake(now)
        break
    }
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  deadline(): Millis | undefined {
    const expiry = this.#table.nextExpiry()
    const flush = this.#batch.due
    if (expiry === undefined || flush === undefined) return expiry ?? flush
    return expiry < flush ? expiry : flush
  }

  /** All that the store has not heard yet: for a registrar that stops. */
  drain(now: Millis): BindingCommand | undefined {
    return this.#batch.drain(this.#table, this.#offset(now), (aor) => this.#pending.has(aor))
  }

  #onRegister(waiting: Waiting, now: Millis): void {
    const pending = this.#pending.get(waiting.registration.extension.aor)
    if (pending === undefined) this.#decide(waiting, now)
    else if (pending.queue.length < this.#context.policy.queueMax) pending.queue.push(waiting)
    else this.#refuse(waiting, BUSY)
  }

  #decide(waiting: Waiting, now: Millis): void {
    const { registration } = waiting
    const { aor } = registration.extension
    const current = this.#table.records(aor)
    const decision = decide(registration, {
      current,
      policy: this.#context.policy,
      now,
      newGruuId: () => this.#newGruuId(),
    })
    if (decision.kind === 'refuse') return this.#refuse(waiting, decision.refusal)
    const { changes } = decision
    if (changes.put.length === 0 && changes.remove.length === 0) {
      for (const refresh of changes.refresh) this.#refresh(refresh, registration, now)
      return this.#accept(waiting, now)
    }
    // What the batch holds of it is older than this, and must not come after it.
    const forgotten = [this.#batch.forget(current, changes.put)]
    this.#pending.set(aor, { ...waiting, changes, queue: [], forgotten })
    const offset = this.#offset(now)
    const put = changes.put.map((record) => rowOf(record, offset))
    const remove = changes.remove.map(({ key }) => key)
    const command: BindingCommand = { kind: 'binding.bind', aor, put, remove }
    this.#outputs.push({ kind: 'propose', aor, command })
  }

  #onCommitted(aor: string, outcome: CommitOutcome, now: Millis): void {
    const pending = this.#pending.get(aor)
    if (pending === undefined) return
    this.#pending.delete(aor)
    for (const unsaid of pending.forgotten) this.#batch.restore(unsaid, now)
    if (outcome === 'ok') {
      this.#takeEffect(pending)
      this.#accept(pending, now)
    } else this.#refuse(pending, outcome === 'busy' ? BUSY : FAILED)
    for (const waiting of pending.queue) this.#onRegister(waiting, now)
  }

  #onTold(telling: Telling, isSaved: boolean, now: Millis): void {
    if (isSaved) return this.#batch.saved(telling)
    this.#batch.notSaved(telling, now)
    for (const [aor, { changes, forgotten }] of this.#pending)
      forgotten.push(this.#batch.forget(this.#table.records(aor), changes.put))
  }

  #takeEffect({ changes }: Pending): void {
    for (const record of changes.remove) {
      this.#table.remove(record)
      this.#table.announce(record, 'unregistered')
    }
    for (const record of changes.put) {
      record.flow = this.#ifOpen(record.flow)
      this.#table.put(record)
      this.#table.announce(record, 'registered')
    }
  }

  #refresh({ record, reach, expiresAt }: Refresh, registration: Registration, now: Millis): void {
    const wasReachable = record.reachable
    const { callId, cseq } = registration
    const flow = this.#ifOpen(reach.flow)
    this.#table.refresh(record, { ...reach, flow, callId, cseq, refreshedAt: now, expiresAt })
    this.#batch.refreshed(record, now)
    if (!wasReachable && record.reachable) this.#table.announce(record, 'reached')
  }

  /** The connection may have closed while its REGISTER, or the one before, waited for the disk. */
  #ifOpen(flow: FlowId | undefined): FlowId | undefined {
    return flow !== undefined && this.#context.isOpen(flow) ? flow : undefined
  }

  #onFlowClosed(flow: FlowId): void {
    const lost = this.#table.onFlow(flow).slice()
    for (const record of lost) {
      this.#table.setFlow(record, undefined)
      this.#table.announce(record, 'lost')
    }
  }

  #onWake(now: Millis): void {
    let record = this.#table.expired(now)
    while (record !== undefined) {
      this.#take(record, 'expired', now)
      record = this.#table.expired(now)
    }
    const told = this.#batch.take(now, this.#table, this.#offset(now))
    if (told !== undefined) this.#outputs.push({ kind: 'tell', ...told })
  }

  #take(record: BindingRecord, event: 'expired' | 'unregistered', now: Millis): void {
    this.#table.remove(record)
    this.#table.announce(record, event)
    const pending = this.#pending.get(record.aor)
    if (pending === undefined) this.#batch.gone(record, now)
    else pending.forgotten.push({ refreshed: [], gone: [record] })
  }

  #accept({ ticket, registration }: Waiting, now: Millis): void {
    const { random, gruus } = this.#context
    const bindings = this.#table.records(registration.extension.aor)
    const date = this.#date.at(this.#context.date())
    const context = { now, date, toTag: random.token(10), gruus }
    const response = accepted(registration.request, bindings, context)
    this.#outputs.push({ kind: 'respond', ticket, response })
  }

  #refuse({ ticket, registration }: Waiting, refusal: Parameters<typeof refused>[1]): void {
    const response = refused(registration.request, refusal, this.#context.random.token(10))
    this.#outputs.push({ kind: 'respond', ticket, response })
  }

  #newGruuId(): number {
    for (;;) {
      const gruuId = 1 + this.#context.random.below(2 ** 32 - 1)
      if (!this.#table.isGruuTaken(gruuId)) return gruuId
    }
  }

  #offset(now: Millis): number {
    return this.#context.wallAt(now) - now
  }
}

const BUSY = { status: 503, headers: [['retry-after', '2']] } as const
/** The outcome is unknown: the device asks again, with a higher CSeq, and learns it. */
const FAILED = { status: 503, headers: [['retry-after', '10']] } as const
