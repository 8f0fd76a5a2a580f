//! Dialogs that ended a moment ago: watchers must see `terminated` once (RFC 4235 §3.7.1), and
//! what changes within the gap between two NOTIFYs must not hide it from them. Pure.

import { after, millis, type Millis } from '../../../src/base/time.ts'
import type { WatchedDialog } from './watched-dialog.ts'

/** Longer than any gap and than most NOTIFY transactions take. */
const LINGER: Millis = millis(5_000)

type Ended = { readonly dialog: WatchedDialog; readonly until: Millis }

export class EndedDialogs {
  readonly #byAor = new Map<string, readonly Ended[]>()
  /** All of them, in the order in which they run out. */
  readonly #order: Set<Ended> = new Set()

  add(dialog: WatchedDialog, now: Millis): void {
    const others = this.#byAor.get(dialog.aor) ?? []
    if (others.some((each) => each.dialog.id === dialog.id)) return
    const ended = { dialog, until: after(now, LINGER) }
    this.#byAor.set(dialog.aor, [...others, ended])
    this.#order.add(ended)
  }

  of(aor: string): readonly WatchedDialog[] {
    return (this.#byAor.get(aor) ?? []).map(({ dialog }) => dialog)
  }

  deadline(): Millis | undefined {
    return this.#order.values().next().value?.until
  }

  /** Forgets those whose time has come; returns their AORs. */
  expire(now: Millis): Set<string> {
    const aors = new Set<string>()
    for (const ended of this.#order) {
      if (ended.until > now) break
      this.#order.delete(ended)
      const { aor } = ended.dialog
      aors.add(aor)
      const left = (this.#byAor.get(aor) ?? []).filter((each) => each !== ended)
      if (left.length === 0) this.#byAor.delete(aor)
      else this.#byAor.set(aor, left)
    }
    return aors
  }
}
