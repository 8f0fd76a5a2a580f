//! Refreshes and expiries on their way to the store: one command for a second's worth, one row for
//! a binding however often it was refreshed in it. Pure.
//!
//! A refresh right after the last one is left out: while a binding is saved for nine tenths of the
//! lifetime it has, a successor would know it until its phone comes again. So a crowd that
//! refreshes far too often costs few writes. A registrar that stops tells all.

import { after, type Millis } from '../../../src/base/time.ts'
import type { BindingCommand } from '../../../src/store/schema/binding.ts'
import { atWall, type BindingRecord, type ClockOffset, type Slot } from './binding-record.ts'
import type { BindingTable } from './binding-table.ts'

/** Of its lifetime. */
const ENOUGH = 0.9

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

  refreshed(record: BindingRecord, now: Millis): void {
    const { slot } = record
    if (slot === undefined || isSavedEnough(record, now)) return
    this.#refreshed.add(slot)
    this.due ??= after(now, this.#interval)
  }

  /** Of these, those that were to be told and now are not. */
  forget(records: readonly BindingRecord[]): readonly Slot[] {
    if (this.#refreshed.size === 0) return NOTHING
    return records.flatMap(({ slot }) =>
      slot !== undefined && this.#refreshed.delete(slot) ? slot : NOTHING,
    )
  }

  /** What was forgotten is to be told after all. */
  restore(slots: readonly Slot[], now: Millis): void {
    for (const slot of slots) this.#refreshed.add(slot)
    if (slots.length > 0) this.due ??= after(now, this.#interval)
  }

  gone(record: BindingRecord, now: Millis): void {
    this.#gone.push(record)
    this.due ??= after(now, this.#interval)
  }

  /** The command, when it is due. Of what is gone from the table or back in it, nothing is said. */
  take(now: Millis, table: BindingTable, offset: ClockOffset): BindingCommand | undefined {
    if (this.due === undefined || now < this.due) return undefined
    return this.#command(table, offset)
  }

  /** The same before its time, and of every binding that the store has not heard the last of. */
  drain(table: BindingTable, offset: ClockOffset): BindingCommand | undefined {
    for (const slot of table.unsaved()) this.#refreshed.add(slot)
    return this.#command(table, offset)
  }

  #command(table: BindingTable, offset: ClockOffset): BindingCommand | undefined {
    const refreshed = [...this.#refreshed].flatMap((slot) => {
      const record = table.at(slot)
      if (record === undefined) return NOTHING
      table.saved(record)
      const { aor, key, callId, cseq, expiresAt } = record
      return { aor, key, callId, cseq, expiresAt: atWall(expiresAt, offset) }
    })
    const gone = this.#gone.filter((record) => !table.has(record))
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

function isSavedEnough({ savedUntil, expiresAt }: BindingRecord, now: Millis): boolean {
  return savedUntil <= expiresAt && savedUntil - now >= (expiresAt - now) * ENOUGH
}

const NOTHING: readonly never[] = []
