//! Bindings as bytes: numbers in columns, texts outside of the heap. As objects a binding took 500
//! bytes in a heap that may be twice its size, and every collection marked all of them.

import { assert } from '../../../src/base/assert.ts'
import { millis, type Millis } from '../../../src/base/time.ts'
import type { TenantId } from '../../../src/control/ids.ts'
import { isReliable, type FlowId, type TransportName } from '../../../src/sip/transaction/flow.ts'
import { partsOf } from '../events/aor.ts'
import { isField, isFirst, packed, unpacked } from '../memory/fields.ts'
import { grown } from '../memory/grown.ts'
import { Texts, type Place } from '../memory/texts.ts'
import { BindingRecord, type Bound, type Slot } from './binding-record.ts'

const TRANSPORTS: readonly TransportName[] = ['udp', 'tcp', 'tls', 'ws', 'wss']

/** Texts of a row, in order; the hops of its path are the last. By the AOR it is found. */
const AOR = 0
const CONTACT = 1
const INSTANCE = 2
const CALL_ID = 3
const HOST = 4
const USER_AGENT = 5
const FLOW = 6
const PATH = 7

/** Numbers of a row, each 32 bits, side by side. */
const TENANT = 0
const Q = 1
const REG_ID = 2
const PORT = 3
const FLAGS = 4
const CSEQ = 5
const GRUU_ID = 6
const NUMBERS = 7

/** In FLAGS, above the transport's number. */
const TRANSPORT = 7
const BEHIND_NAT = 8

/** Times of a row. */
const EXPIRES_AT = 0
const REGISTERED_AT = 1
const REFRESHED_AT = 2
const SAVED_UNTIL = 3
const TIMES = 4

const VACANT = -1

export class BindingRows {
  readonly #texts = new Texts()
  /** Of the texts. */
  #places = new Int32Array(0)
  #numbers = new Uint32Array(0)
  #times = new Float64Array(0)
  readonly #vacant: Slot[] = []
  /** The first slot that was never used. */
  #next = 0
  /** Few, and never forgotten: a row holds the place in this list. */
  readonly #tenants: TenantId[] = []
  readonly #tenantNumbers = new Map<TenantId, number>()

  get size(): number {
    return this.#next - this.#vacant.length
  }

  add(record: BindingRecord): Slot {
    const slot = this.#vacant.pop() ?? (this.#next++ as Slot)
    this.#places = grown(this.#places, slot + 1, VACANT)
    this.#numbers = grown(this.#numbers, (slot + 1) * NUMBERS)
    this.#times = grown(this.#times, (slot + 1) * TIMES)
    this.#places[slot] = this.#texts.put(textOf(record))
    this.#write(slot, record)
    return slot
  }

  /** `isNews`: a text has changed as well, Call-ID or flow. */
  update(slot: Slot, record: BindingRecord, isNews: boolean): void {
    if (isNews) this.#places[slot] = this.#texts.replace(this.#placeOf(slot), textOf(record))
    this.#write(slot, record)
  }

  remove(slot: Slot): void {
    this.#texts.drop(this.#placeOf(slot))
    this.#places[slot] = VACANT
    this.#vacant.push(slot)
  }

  has(slot: Slot): boolean {
    return (this.#places[slot] ?? VACANT) !== VACANT
  }

  /** Those of which the store has another expiry. */
  *unsaved(): Generator<Slot> {
    for (let number = 0; number < this.#next; number++) {
      const slot = number as Slot
      const isSaved = this.#time(slot, SAVED_UNTIL) === this.#time(slot, EXPIRES_AT)
      if (!isSaved && this.has(slot)) yield slot
    }
  }

  isOf(slot: Slot, aor: string): boolean {
    return isFirst(this.#texts, this.#placeOf(slot), aor)
  }

  /** Whether the row has the record's key; both are of one AOR. */
  isSame(slot: Slot, { contact, instance = '', regId = 0 }: BindingRecord): boolean {
    const place = this.#placeOf(slot)
    if (!isField(this.#texts, place, INSTANCE, instance)) return false
    if (instance === '') return isField(this.#texts, place, CONTACT, contact)
    return this.#number(slot, REG_ID) === regId
  }

  gruuId(slot: Slot): number {
    return this.#number(slot, GRUU_ID)
  }

  /** Undefined unless it is a connection. */
  connection(slot: Slot): FlowId | undefined {
    return isReliable(this.#transport(slot)) ? this.read(slot).flow : undefined
  }

  /** A copy. */
  read(slot: Slot): BindingRecord {
    const texts = unpacked(this.#texts.get(this.#placeOf(slot)))
    const aor = texts[AOR] ?? ''
    const instance = texts[INSTANCE] ?? ''
    const flow = texts[FLOW] ?? ''
    const tenant = this.#tenants[this.#number(slot, TENANT)]
    assert(tenant !== undefined, 'a row that was written')
    const regId = this.#number(slot, REG_ID)
    const { user, domain } = partsOf(aor)
    const bound: Bound = {
      tenant,
      user,
      domain,
      aor,
      contact: texts[CONTACT] ?? '',
      q: this.#number(slot, Q),
      instance: instance === '' ? undefined : instance,
      regId: regId === 0 ? undefined : regId,
      flow: flow === '' ? undefined : (flow as FlowId),
      target: {
        transport: this.#transport(slot),
        host: texts[HOST] ?? '',
        port: this.#number(slot, PORT),
      },
      path: texts.length > PATH ? texts.slice(PATH) : NO_PATH,
      behindNat: (this.#number(slot, FLAGS) & BEHIND_NAT) !== 0,
      userAgent: texts[USER_AGENT] ?? '',
      callId: texts[CALL_ID] ?? '',
      cseq: this.#number(slot, CSEQ),
      gruuId: this.#number(slot, GRUU_ID),
      registeredAt: this.#time(slot, REGISTERED_AT),
    }
    const expiresAt = this.#time(slot, EXPIRES_AT)
    const record = new BindingRecord(bound, this.#time(slot, REFRESHED_AT), expiresAt)
    record.slot = slot
    record.savedUntil = this.#time(slot, SAVED_UNTIL)
    return record
  }

  #write(slot: Slot, record: BindingRecord): void {
    const { target, q, regId = 0, behindNat, cseq, gruuId } = record
    const numbers = this.#numbers
    const first = slot * NUMBERS
    numbers[first + TENANT] = this.#tenantNumber(record.tenant)
    numbers[first + Q] = q
    numbers[first + REG_ID] = regId
    numbers[first + PORT] = target.port
    numbers[first + FLAGS] = TRANSPORTS.indexOf(target.transport) | (behindNat ? BEHIND_NAT : 0)
    numbers[first + CSEQ] = cseq
    numbers[first + GRUU_ID] = gruuId
    this.#times[slot * TIMES + EXPIRES_AT] = record.expiresAt
    this.#times[slot * TIMES + REGISTERED_AT] = record.registeredAt
    this.#times[slot * TIMES + REFRESHED_AT] = record.refreshedAt
    this.#times[slot * TIMES + SAVED_UNTIL] = record.savedUntil
  }

  #transport(slot: Slot): TransportName {
    const transport = TRANSPORTS[this.#number(slot, FLAGS) & TRANSPORT]
    assert(transport !== undefined, 'a row that was written')
    return transport
  }

  #number(slot: Slot, column: number): number {
    return this.#numbers[slot * NUMBERS + column] ?? 0
  }

  #time(slot: Slot, column: number): Millis {
    return millis(this.#times[slot * TIMES + column] ?? 0)
  }

  #placeOf(slot: Slot): Place {
    return (this.#places[slot] ?? VACANT) as Place
  }

  #tenantNumber(tenant: TenantId): number {
    const known = this.#tenantNumbers.get(tenant)
    if (known !== undefined) return known
    const number = this.#tenants.push(tenant) - 1
    this.#tenantNumbers.set(tenant, number)
    return number
  }
}

const NO_PATH: readonly string[] = []

/** User and domain are read off the AOR. */
function textOf(record: BindingRecord): string {
  const { aor, contact, instance = '', callId, target, userAgent, flow = '', path } = record
  return packed([aor, contact, instance, callId, target.host, userAgent, flow, ...path])
}
