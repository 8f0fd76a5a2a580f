//! What the load knows of its calls, to be held against the product's records: a byte or two each,
//! for there may be millions.

import type { ReadOnlyDatabase } from '../../src/store/store.ts'
import { expectedOf, PLANS, type Plan } from './plans.ts'
import { Tally } from './tally.ts'

const OPEN = 1
const AS_PLANNED = 2
const FAILED = 3
const TURNED_AWAY = 4

export class Ledger {
  readonly run: string
  readonly #plans: Uint8Array
  readonly #ends: Uint8Array
  readonly #answered: Uint8Array
  #count = 0

  /** `run` is in every Call-ID: records of other loads are not ours. */
  constructor(run: string, capacity: number) {
    this.run = run
    this.#plans = new Uint8Array(capacity)
    this.#ends = new Uint8Array(capacity)
    this.#answered = new Uint8Array(capacity)
  }

  get count(): number {
    return this.#count
  }
  get isFull(): boolean {
    return this.#count === this.#plans.length
  }

  /** The serial number of a new call. */
  begin(plan: Plan): number {
    const serial = this.#count++
    this.#plans[serial] = PLANS.indexOf(plan)
    this.#ends[serial] = OPEN
    return serial
  }

  answered(serial: number): void {
    this.#answered[serial] = 1
  }
  ended(serial: number): void {
    this.#ends[serial] = AS_PLANNED
  }
  failed(serial: number): void {
    this.#ends[serial] = FAILED
  }
  turnedAway(serial: number): void {
    this.#ends[serial] = TURNED_AWAY
  }

  callId(serial: number): string {
    return `${serial}.${this.run}`
  }

  /** Undefined when it is none of ours. */
  serialOf(callId: string): number | undefined {
    const dot = callId.indexOf('.')
    const serial = Number(callId.slice(0, dot))
    return callId.slice(dot + 1) === this.run && serial < this.#count ? serial : undefined
  }

  planOf(serial: number): Plan {
    return PLANS[this.#plans[serial] ?? 0] ?? 'caller ends'
  }

  /** The caller has got a 200 to its INVITE. */
  *answeredCalls(): Generator<number> {
    for (let serial = 0; serial < this.#count; serial++)
      if (this.#answered[serial] === 1) yield serial
  }

  /**
   * Every call that ended as planned has exactly one record, which says so. Of failed ones there
   * may be one or none, of those turned away there is none.
   */
  compare(db: ReadOnlyDatabase): { readonly records: number; readonly wrong: Tally } {
    const wrong = new Tally()
    const seen = new Uint8Array(this.#count)
    let records = 0
    const sql = 'SELECT caller_sip_call_id, status, ended_by, answered_at, duration_ms FROM cdrs'
    for (const row of db.each(sql)) {
      const callId = String(row['caller_sip_call_id'])
      const serial = this.serialOf(callId)
      if (serial === undefined) continue
      records++
      seen[serial] = Math.min(255, (seen[serial] ?? 0) + 1)
      if (this.#ends[serial] === TURNED_AWAY) wrong.add('record of no call', callId)
      if (this.#ends[serial] !== AS_PLANNED) continue
      const plan = this.planOf(serial)
      const { status, endedBy, answered } = expectedOf(plan)
      const said = `${String(row['status'])} by ${String(row['ended_by'])}`
      if (said !== `${status} by ${endedBy}`) wrong.add(`record of "${plan}" says ${said}`, callId)
      if ((row['answered_at'] !== null) !== answered)
        wrong.add(`record of "${plan}" is ${answered ? 'not ' : ''}answered`, callId)
      if (answered !== Number(row['duration_ms']) > 0)
        wrong.add(`record of "${plan}" lasts ${String(row['duration_ms'])} ms`, callId)
    }
    for (let serial = 0; serial < this.#count; serial++) {
      if ((seen[serial] ?? 0) > 1) wrong.add('double record', this.callId(serial))
      if (seen[serial] === 0 && this.#ends[serial] === AS_PLANNED)
        wrong.add('missing record', this.callId(serial))
    }
    return { records, wrong }
  }
}
