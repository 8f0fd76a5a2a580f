//! Refreshes and expiries on their way to the store: one command for a second's worth, one row for
//! a binding however often it was refreshed in it. Pure.

import { after, type Millis } from '../../../src/base/time.ts'
import type { BindingCommand } from '../../../src/store/schema/binding.ts'
import { atWall, type BindingRecord, type ClockOffset } from './binding-record.ts'

export class RefreshBatch {
  readonly #interval: Millis
  #refreshed = new Set<BindingRecord>()
  #gone: BindingRecord[] = []
  /** When it is to be taken; undefined while it is empty. */
  due: Millis | undefined

  constructor(interval: Millis) {
    this.#interval = interval
  }

  refreshed(record: BindingRecord, now: Millis): void {
    this.#refreshed.add(record)
    this.due ??= after(now, this.#interval)
  }

  forget(record: BindingRecord): void {
    this.#refreshed.delete(record)
  }

  gone(record: BindingRecord, now: Millis): void {
    this.#gone.push(record)
    this.due ??= after(now, this.#interval)
  }

  /** The command, when it is due. Of what is gone from the table or back in it, nothing is said. */
  take(
    now: Millis,
    table: { has(record: BindingRecord): boolean; find(aor: string, key: string): unknown },
    offset: ClockOffset,
  ): BindingCommand | undefined {
    if (this.due === undefined || now < this.due) return undefined
    const live = [...this.#refreshed].filter((record) => table.has(record))
    const refreshed = live.map(({ aor, key, callId, cseq, expiresAt }) => {
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
