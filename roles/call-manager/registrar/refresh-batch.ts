//! Refreshes and expiries on their way to the store: one command for a second's worth, one row for
//! a binding however often it was refreshed in it. Pure.
//!
//! What is stored is later than the real expiry by a tenth of the lifetime. A refresh is written
//! only when it promises more than is stored, so a crowd that refreshes far too often costs few
//! writes, and still no successor forgets a binding before its time; it may keep one for a tenth
//! longer. Memory is exact, and a registrar that stops stores what is exact. What was promised
//! within the last second may not be stored yet.
//!
//! What the store could not take is told again with the next command, as it is by then.

import { after, type Millis } from '../../../src/base/time.ts'
import type { BindingCommand } from '../../../src/store/schema/binding.ts'
import {
  atWall,
  generousExpiry,
  type BindingRecord,
  type ClockOffset,
  type Slot,
} from './binding-record.ts'
import type { BindingTable } from './binding-table.ts'

/** Names a command that the store was told, until it is known what became of it. */
export type Telling = number

export type Told = { readonly telling: Telling; readonly command: BindingCommand }

/** What a command is about. */
export type Unsaid = {
  readonly refreshed: readonly Slot[]
  readonly gone: readonly BindingRecord[]
}

export class RefreshBatch {
  readonly #interval: Millis
  /** A slot that another binding has been given meanwhile does no harm: it is told as it is. */
  #refreshed = new Set<Slot>()
  /** By AOR and key. */
  #gone = new Map<string, BindingRecord>()
  readonly #told = new Map<Telling, Unsaid>()
  #lastTelling: Telling = 0
  /** When it is to be taken; undefined while it is empty. */
  due: Millis | undefined

  constructor(interval: Millis) {
    this.#interval = interval
  }

  refreshed(record: BindingRecord, now: Millis): void {
    const { slot } = record
    if (slot === undefined || record.expiresAt <= record.savedUntil) return
    this.#refreshed.add(slot)
    this.due ??= after(now, this.#interval)
  }

  gone(record: BindingRecord, now: Millis): void {
    this.#gone.set(nameOf(record), record)
    this.due ??= after(now, this.#interval)
  }

  /** What was to be told of the `current` ones, and that those were gone which are `put` now. */
  forget(current: readonly BindingRecord[], put: readonly BindingRecord[]): Unsaid {
    const refreshed = current.flatMap(({ slot }) =>
      slot !== undefined && this.#refreshed.delete(slot) ? slot : NOTHING,
    )
    const gone = put.flatMap((record) => {
      const name = nameOf(record)
      const before = this.#gone.get(name)
      this.#gone.delete(name)
      return before ?? NOTHING
    })
    return { refreshed, gone }
  }

  /** It is to be told after all. */
  restore({ refreshed, gone }: Unsaid, now: Millis): void {
    for (const slot of refreshed) this.#refreshed.add(slot)
    for (const record of gone) {
      const name = nameOf(record)
      if (!this.#gone.has(name)) this.#gone.set(name, record)
    }
    if (refreshed.length + gone.length > 0) this.due ??= after(now, this.#interval)
  }

  /** The command, when it is due. Of what is gone from the table or back in it, nothing is said. */
  take(now: Millis, table: BindingTable, offset: ClockOffset): Told | undefined {
    if (this.due === undefined || now < this.due) return undefined
    const slots = [...this.#refreshed]
    const gone = [...this.#gone.values()].filter((record) => !table.has(record))
    const command = commandOf(slots, gone, { table, offset, expiryOf: generousExpiry })
    this.due = undefined
    this.#refreshed = new Set()
    this.#gone = new Map()
    if (command === undefined) return undefined
    const telling = ++this.#lastTelling
    this.#told.set(telling, { refreshed: slots, gone })
    return { telling, command }
  }

  saved(telling: Telling): void {
    this.#told.delete(telling)
  }

  /** The store may have done it, or not: it is told again. */
  notSaved(telling: Telling, now: Millis): void {
    const unsaid = this.#told.get(telling)
    this.#told.delete(telling)
    if (unsaid !== undefined) this.restore(unsaid, now)
  }

  /** The last command: of every binding that the store does not have exactly, but for `busy`. */
  drain(
    table: BindingTable,
    offset: ClockOffset,
    busy: (aor: string) => boolean,
  ): BindingCommand | undefined {
    // What the store was told last may fail yet, and nobody will be there to tell it again.
    const told = [...this.#told.values()]
    const unsaid = [...told.flatMap(({ refreshed }) => refreshed), ...this.#refreshed]
    const slots = [...new Set([...table.unsaved(), ...unsaid])].filter(
      (slot) => !busy(table.at(slot)?.aor ?? ''),
    )
    const gone = [...told.flatMap((each) => each.gone), ...this.#gone.values()].filter(
      (record) => !busy(record.aor) && !table.has(record),
    )
    return commandOf(slots, gone, { table, offset, expiryOf: ({ expiresAt }) => expiresAt })
  }
}

type Saying = {
  readonly table: BindingTable
  readonly offset: ClockOffset
  /** What it is to be stored with. */
  readonly expiryOf: (record: BindingRecord) => Millis
}

function commandOf(
  slots: readonly Slot[],
  gone: readonly BindingRecord[],
  { table, offset, expiryOf }: Saying,
): BindingCommand | undefined {
  const refreshed = slots.flatMap((slot) => {
    const record = table.at(slot)
    if (record === undefined) return NOTHING
    table.saved(record, expiryOf(record))
    const { aor, key, callId, cseq, savedUntil } = record
    return { aor, key, callId, cseq, expiresAt: atWall(savedUntil, offset) }
  })
  const expired = gone.map(({ aor, key, savedUntil }) => {
    return { aor, key, expiresAt: atWall(savedUntil, offset) }
  })
  if (refreshed.length === 0 && expired.length === 0) return undefined
  return { kind: 'binding.refresh', refreshed, expired }
}

function nameOf({ aor, key }: BindingRecord): string {
  return `${aor} ${key}`
}

const NOTHING: readonly never[] = []
