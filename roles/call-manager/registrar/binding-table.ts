//! All live bindings: by AOR, by flow, by GRUU, and in order of expiry. No clock of its own.

import type { Subscribe } from '../../../src/base/host.ts'
import { DeadlineHeap } from '../../../src/base/heap.ts'
import type { Millis } from '../../../src/base/time.ts'
import type { SipUri } from '../../../src/sip/message/uri.ts'
import { isReliable, type FlowId } from '../../../src/sip/transaction/flow.ts'
import type { Binding, Location, LocationChange } from '../location.ts'
import { whole, type BindingRecord } from './binding-record.ts'
import { NO_GRUU, type GruuOwner } from './gruu.ts'

export class BindingTable implements Location {
  /** The first of each AOR; the others follow as its siblings, oldest first. */
  readonly #byAor = new Map<string, BindingRecord>()
  /** Connections only: a UDP flow never closes. */
  readonly #byFlow = new Map<FlowId, BindingRecord[]>()
  readonly #byGruu = new Map<number, BindingRecord[]>()
  readonly #expiries = new DeadlineHeap<BindingRecord>()
  readonly #listeners = new Set<(change: LocationChange) => void>()
  readonly #gruuOwner: (uri: SipUri) => GruuOwner | undefined
  readonly #aorOf: (user: string, host: string) => string | undefined
  #size = 0

  constructor(names: {
    readonly gruuOwner: (uri: SipUri) => GruuOwner | undefined
    /** The AOR of a user at one of our domains. */
    readonly aorOf: (user: string, host: string) => string | undefined
  }) {
    this.#gruuOwner = names.gruuOwner
    this.#aorOf = names.aorOf
  }

  get size(): number {
    return this.#size
  }

  lookup(aor: string): readonly Binding[] {
    const first = this.#byAor.get(aor)
    if (first === undefined) return NONE
    if (first.sibling === undefined) return first.reachable ? [first] : NONE
    const reachable = this.records(aor).filter((record) => record.reachable)
    if (reachable.length < 2) return reachable
    reachable.sort((a, b) => b.q - a.q || b.refreshedAt - a.refreshedAt)
    return reachable.filter((record) => !isOlderFlow(record, reachable))
  }

  bindings(aor: string): readonly Binding[] {
    return this.records(aor)
  }

  records(aor: string): BindingRecord[] {
    const records: BindingRecord[] = []
    let record = this.#byAor.get(aor)
    for (; record !== undefined; record = record.sibling) records.push(record)
    return records
  }

  byGruu(uri: SipUri): readonly Binding[] {
    const owner = this.#gruuOwner(uri)
    if (owner === undefined) return NONE
    const found =
      owner.kind === 'temporary'
        ? (this.#byGruu.get(owner.gruuId) ?? NONE)
        : this.#byInstance(owner.user, uri.host, owner.instance)
    const live = found.filter((record) => record.reachable)
    return live.sort((a, b) => b.refreshedAt - a.refreshedAt)
  }

  aors(): Iterable<string> {
    return this.#byAor.keys()
  }

  readonly changed: Subscribe<LocationChange> = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  announce(record: BindingRecord, event: LocationChange['event']): void {
    const { aor, contact } = record
    for (const listener of this.#listeners) listener({ aor, contact, event })
  }

  has(record: BindingRecord): boolean {
    return record.position !== -1
  }

  find(aor: string, key: string): BindingRecord | undefined {
    let record = this.#byAor.get(aor)
    while (record !== undefined && record.key !== key) record = record.sibling
    return record
  }

  isGruuTaken(gruuId: number): boolean {
    return this.#byGruu.has(gruuId)
  }

  /** Adds it; one with the same key goes, and is returned. */
  put(record: BindingRecord): BindingRecord | undefined {
    const replaced = this.find(record.aor, record.key)
    if (replaced !== undefined) this.remove(replaced)
    this.#link(record)
    if (record.gruuId !== NO_GRUU) append(this.#byGruu, record.gruuId, record)
    if (record.flow !== undefined && isReliable(record.transport))
      append(this.#byFlow, record.flow, record)
    this.#expiries.set(record, record.expiresAt)
    this.#size++
    return replaced
  }

  remove(record: BindingRecord): void {
    if (!this.has(record)) return
    this.#unlink(record)
    if (record.gruuId !== NO_GRUU) drop(this.#byGruu, record.gruuId, record)
    if (record.flow !== undefined) drop(this.#byFlow, record.flow, record)
    this.#expiries.remove(record)
    this.#size--
  }

  /** Moves the expiry. */
  prolong(record: BindingRecord, expiresAt: Millis): void {
    record.expiresAt = whole(expiresAt)
    this.#expiries.set(record, record.expiresAt)
  }

  /** Moves it to another flow, or off the one it had. */
  setFlow(record: BindingRecord, flow: FlowId | undefined): void {
    if (record.flow === flow) return
    if (record.flow !== undefined) drop(this.#byFlow, record.flow, record)
    record.flow = flow
    if (flow !== undefined && isReliable(record.transport)) append(this.#byFlow, flow, record)
  }

  onFlow(flow: FlowId): readonly BindingRecord[] {
    return this.#byFlow.get(flow) ?? NONE
  }

  nextExpiry(): Millis | undefined {
    return this.#expiries.first()?.at
  }

  /** One that has expired by `now`; it stays until it is removed. */
  expired(now: Millis): BindingRecord | undefined {
    const first = this.#expiries.first()
    return first !== undefined && first.at <= now ? first.owner : undefined
  }

  #byInstance(user: string, host: string, instance: string): readonly BindingRecord[] {
    const aor = this.#aorOf(user, host)
    const all = aor === undefined ? NONE : this.records(aor)
    return all.filter((record) => record.instance === instance)
  }

  #link(record: BindingRecord): void {
    let last = this.#byAor.get(record.aor)
    if (last === undefined) this.#byAor.set(record.aor, record)
    while (last?.sibling !== undefined) last = last.sibling
    if (last !== undefined) last.sibling = record
  }

  #unlink(record: BindingRecord): void {
    const next = record.sibling
    record.sibling = undefined
    let before = this.#byAor.get(record.aor)
    if (before !== record) {
      while (before !== undefined && before.sibling !== record) before = before.sibling
      if (before !== undefined) before.sibling = next
    } else if (next === undefined) this.#byAor.delete(record.aor)
    else this.#byAor.set(record.aor, next)
  }
}

const NONE: readonly BindingRecord[] = []

/** Whether another flow of the same instance stands before it in the sorted list. */
function isOlderFlow(record: BindingRecord, sorted: readonly BindingRecord[]): boolean {
  if (record.instance === undefined) return false
  const { instance } = record
  return sorted.find((each) => each.instance === instance) !== record
}

function append<K>(map: Map<K, BindingRecord[]>, key: K, record: BindingRecord): void {
  const records = map.get(key)
  if (records === undefined) map.set(key, [record])
  else records.push(record)
}

function drop<K>(map: Map<K, BindingRecord[]>, key: K, record: BindingRecord): void {
  const records = map.get(key)
  const index = records?.indexOf(record) ?? -1
  if (records === undefined || index === -1) return
  if (records.length === 1) map.delete(key)
  else records.splice(index, 1)
}
