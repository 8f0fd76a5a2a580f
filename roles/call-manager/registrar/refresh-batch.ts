//! Refreshes and expiries on their way to the store: one command for a second's worth, one row for
//! a binding however often it was refreshed in it. Pure.

import { after, type Millis } from '../../../src/base/time.ts'
import type { BindingCommand } from '../../../src/store/schema/binding.ts'
import { atWall, type BindingRecord, type ClockOffset, type Slot } from './binding-record.ts'
import type { BindingTable } from './binding-table.ts'

export class RefreshBatch {
  readonly #interval: Millis
  /** A slot that another binding has been given meanwhile does no harm: it is told as it is. */
  #refreshed = new Set<Slot>()
  #gone: BindingRecord[] = []
  /** When it is to be taken; undefined while it is empty. */
  due: Millis | undefined

  constructor(interval: Millis) {
    this.#interval = interval
  }

  refreshed({ slot }: BindingRecord, now: Millis): void {
    if (slot !== undefined) this.#refreshed.add(slot)
    this.due ??= after(now, this.#interval)
  }

  forget({ slot }: BindingRecord): void {
    if (slot !== undefined) this.#refreshed.delete(slot)
  }

  gone(record: BindingRecord, now: Millis): void {
    this.#gone.push(record)
    this.due ??= after(now, this.#interval)
  }

  /** The command, when it is due. Of what is gone from the table or back in it, nothing is said. */
  take(now: Millis, table: BindingTable, offset: ClockOffset): BindingCommand | undefined {
    if (this.due === undefined || now < this.due) return undefined
    const refreshed = [...this.#refreshed].flatMap((slot) => {
      const record = table.at(slot)
      if (record === undefined) return NOTHING
      const { aor, key, callId, cseq, expiresAt } = record
      return { aor, key, callId, cseq, expiresAt: atWall(expiresAt, offset) }
    })
    const gone = this.#gone.filter(({ aor, key }) => table.find(aor, key) === undefined)
    const expired = gone.map(({ aor, key, expiresAt }) => {
      return { aor, key, expiresAt: atWall(expiresAt, offset) }
    })
    this.due = undefined
    this.#refreshed = new Set()
    this.#gone = []
    if (refreshed.length === 0 && expired.length === 0) return undefined
    return { kind: 'binding.refresh', refreshed, expired }
  }
}

const NOTHING: readonly never[] = []
