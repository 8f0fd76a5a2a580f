//! All live bindings: by AOR, by flow, by GRUU, and in order of expiry. No clock of its own.

import type { Subscribe } from '../../../src/base/host.ts'
import type { Millis } from '../../../src/base/time.ts'
import type { SipUri } from '../../../src/sip/message/uri.ts'
import { isReliable, type FlowId, type Target } from '../../../src/sip/transaction/flow.ts'
import type { Binding, Location, LocationChange } from '../location.ts'
import { SlotChains } from '../memory/slot-chains.ts'
import { SlotHeap } from '../memory/slot-heap.ts'
import { TextIndex } from '../memory/text-index.ts'
import { whole, type BindingRecord, type Slot } from './binding-record.ts'
import { BindingRows } from './binding-rows.ts'
import { NO_GRUU, type GruuOwner } from './gruu.ts'

/** What a refresh may change. */
export type Refreshed = {
  readonly flow: FlowId | undefined
  readonly target: Target
  readonly callId: string
  readonly cseq: number
  readonly refreshedAt: Millis
  readonly expiresAt: Millis
}

export class BindingTable implements Location {
  readonly #rows = new BindingRows()
  /** Each AOR's, oldest first. */
  readonly #firsts = new TextIndex<Slot>((slot, aor) => this.#rows.isOf(slot, aor))
  readonly #byAor = new SlotChains<string, Slot>(this.#firsts)
  /** Connections only: a UDP flow never closes. */
  readonly #byFlow = new SlotChains<FlowId, Slot>()
  readonly #byGruu = new SlotChains<number, Slot>()
  readonly #expiries = new SlotHeap<Slot>()
  readonly #listeners = new Set<(change: LocationChange) => void>()
  readonly #gruuOwner: (uri: SipUri) => GruuOwner | undefined
  readonly #aorOf: (user: string, host: string) => string | undefined

  constructor(names: {
    readonly gruuOwner: (uri: SipUri) => GruuOwner | undefined
    /** The AOR of a user at one of our domains. */
    readonly aorOf: (user: string, host: string) => string | undefined
  }) {
    this.#gruuOwner = names.gruuOwner
    this.#aorOf = names.aorOf
  }

  get size(): number {
    return this.#rows.size
  }

  lookup(aor: string): readonly Binding[] {
    const reachable = this.records(aor).filter((record) => record.reachable)
    if (reachable.length < 2) return reachable
    reachable.sort((a, b) => b.q - a.q || b.refreshedAt - a.refreshedAt)
    return reachable.filter((record) => !isOlderFlow(record, reachable))
  }

  bindings(aor: string): readonly Binding[] {
    return this.records(aor)
  }

  records(aor: string): BindingRecord[] {
    return this.#byAor.of(aor).map((slot) => this.#rows.read(slot))
  }

  byGruu(uri: SipUri): readonly Binding[] {
    const owner = this.#gruuOwner(uri)
    if (owner === undefined) return NONE
    const found =
      owner.kind === 'temporary'
        ? this.#byGruu.of(owner.gruuId).map((slot) => this.#rows.read(slot))
        : this.#byInstance(owner.user, uri.host, owner.instance)
    const live = found.filter((record) => record.reachable)
    return live.sort((a, b) => b.refreshedAt - a.refreshedAt)
  }

  *aors(): Generator<string> {
    for (const slot of this.#firsts.values()) yield this.#rows.read(slot).aor
  }

  readonly changed: Subscribe<LocationChange> = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  announce(record: BindingRecord, event: LocationChange['event']): void {
    const { aor, contact } = record
    for (const listener of this.#listeners) listener({ aor, contact, event })
  }

  /** What is there now; undefined when nothing is. */
  at(slot: Slot): BindingRecord | undefined {
    return this.#rows.has(slot) ? this.#rows.read(slot) : undefined
  }

  /** Whether there is one with its key. */
  has(record: BindingRecord): boolean {
    return this.#slotOf(record) !== undefined
  }

  isGruuTaken(gruuId: number): boolean {
    return this.#byGruu.has(gruuId)
  }

  /** Adds it; one with the same key goes. */
  put(record: BindingRecord): void {
    this.remove(record)
    const slot = this.#rows.add(record)
    record.slot = slot
    this.#byAor.append(record.aor, slot)
    if (record.gruuId !== NO_GRUU) this.#byGruu.append(record.gruuId, slot)
    if (isOnConnection(record)) this.#byFlow.append(record.flow, slot)
    this.#expiries.set(slot, record.expiresAt)
  }

  /** Takes out the one with its key, if any. */
  remove(record: BindingRecord): void {
    const slot = this.#slotOf(record)
    if (slot === undefined) return
    this.#byAor.drop(record.aor, slot)
    const gruuId = this.#rows.gruuId(slot)
    if (gruuId !== NO_GRUU) this.#byGruu.drop(gruuId, slot)
    const connection = this.#rows.connection(slot)
    if (connection !== undefined) this.#byFlow.drop(connection, slot)
    this.#expiries.remove(slot)
    this.#rows.remove(slot)
  }

  /** In the table and in `record`, which was just read from it. */
  refresh(record: BindingRecord, refreshed: Refreshed): void {
    const { callId, cseq, refreshedAt, expiresAt, flow, target } = refreshed
    record.cseq = cseq
    record.refreshedAt = whole(refreshedAt)
    record.expiresAt = whole(expiresAt)
    const isNews = record.callId !== callId || record.flow !== flow
    record.callId = callId
    record.target = target
    this.#moveTo(record, flow)
    if (record.slot === undefined) return
    this.#rows.update(record.slot, record, isNews)
    this.#expiries.set(record.slot, record.expiresAt)
  }

  /** The store has been told this expiry. */
  saved(record: BindingRecord, until: Millis): void {
    record.savedUntil = until
    if (record.slot !== undefined) this.#rows.update(record.slot, record, false)
  }

  /** Those of which the store has another expiry. */
  unsaved(): Iterable<Slot> {
    return this.#rows.unsaved()
  }

  /** Moves it to another flow, or off the one it had. */
  setFlow(record: BindingRecord, flow: FlowId | undefined): void {
    if (record.flow === flow) return
    this.#moveTo(record, flow)
    if (record.slot !== undefined) this.#rows.update(record.slot, record, true)
  }

  onFlow(flow: FlowId): readonly BindingRecord[] {
    return this.#byFlow.of(flow).map((slot) => this.#rows.read(slot))
  }

  nextExpiry(): Millis | undefined {
    const first = this.#expiries.first()
    return first === undefined ? undefined : this.#expiries.at(first)
  }

  /** One that has expired by `now`; it stays until it is removed. */
  expired(now: Millis): BindingRecord | undefined {
    const first = this.#expiries.first()
    if (first === undefined || this.#expiries.at(first) > now) return undefined
    return this.#rows.read(first)
  }

  /** Of the one with its key. */
  #slotOf(record: BindingRecord): Slot | undefined {
    return this.#byAor.of(record.aor).find((slot) => this.#rows.isSame(slot, record))
  }

  #moveTo(record: BindingRecord, flow: FlowId | undefined): void {
    if (record.flow === flow || record.slot === undefined) return
    if (isOnConnection(record)) this.#byFlow.drop(record.flow, record.slot)
    record.flow = flow
    if (isOnConnection(record)) this.#byFlow.append(record.flow, record.slot)
  }

  #byInstance(user: string, host: string, instance: string): readonly BindingRecord[] {
    const aor = this.#aorOf(user, host)
    const all = aor === undefined ? NONE : this.records(aor)
    return all.filter((record) => record.instance === instance)
  }
}

const NONE: readonly BindingRecord[] = []

function isOnConnection(record: BindingRecord): record is BindingRecord & { flow: FlowId } {
  return record.flow !== undefined && isReliable(record.transport)
}

/** Whether another flow of the same instance stands before it in the sorted list. */
function isOlderFlow(record: BindingRecord, sorted: readonly BindingRecord[]): boolean {
  if (record.instance === undefined) return false
  const { instance } = record
  return sorted.find((each) => each.instance === instance) !== record
}
