//! News of calls for whoever listens: events for other roles, dialogs for watchers (RFC 4235). Also
//! the index by AOR that `of` needs.

import type { Cancel, Subscribe } from '../../../../src/base/host.ts'
import type { CallEvent } from '../../../../src/control/call-control.ts'
import type { WatchedDialog, WatchedDialogs } from '../../events/watched-dialog.ts'
import type { LiveCall } from './live-call.ts'
import type { CallState } from '../state.ts'
import { watchedIn } from './watched.ts'

export type Mood = Exclude<CallEvent['kind'], 'ended'>

export class CallNews implements WatchedDialogs {
  readonly #byAor = new Map<string, Set<LiveCall>>()
  readonly #watchers = new Set<(dialog: WatchedDialog) => void>()
  readonly #listeners = new Set<(event: CallEvent) => void>()
  readonly changed: Subscribe<WatchedDialog> = (listener) => subscribe(this.#watchers, listener)
  readonly events: Subscribe<CallEvent> = (listener) => subscribe(this.#listeners, listener)

  of(aor: string): readonly WatchedDialog[] {
    const found: WatchedDialog[] = []
    for (const live of this.#byAor.get(aor) ?? [])
      for (const dialog of watchedIn(live.machine.state)) if (dialog.aor === aor) found.push(dialog)
    return found
  }

  /** Something in the call is another now. */
  update(live: LiveCall): void {
    const { state } = live.machine
    const dialogs = watchedIn(state)
    for (const { aor } of dialogs) if (!live.aors.includes(aor)) this.#list(live, aor)
    if (this.#watchers.size > 0) this.#tellWatchers(live, dialogs)
    const mood = moodOf(state)
    if (mood === undefined || mood === live.mood) return
    const resumed = mood === 'answered' && live.mood === 'held'
    live.mood = mood
    this.#tell({ kind: resumed ? 'resumed' : mood, call: live.id })
  }

  ended(live: LiveCall, cause: string): void {
    this.#tell({ kind: 'ended', call: live.id, cause })
  }

  forget(live: LiveCall): void {
    if (this.#watchers.size > 0) this.#tellWatchers(live, [])
    for (const aor of live.aors) {
      const calls = this.#byAor.get(aor)
      calls?.delete(live)
      if (calls?.size === 0) this.#byAor.delete(aor)
    }
  }

  #list(live: LiveCall, aor: string): void {
    live.aors.push(aor)
    const calls = this.#byAor.get(aor)
    if (calls === undefined) this.#byAor.set(aor, new Set([live]))
    else calls.add(live)
  }

  #tellWatchers(live: LiveCall, dialogs: readonly WatchedDialog[]): void {
    const before = live.told
    live.told = dialogs
    for (const dialog of dialogs)
      if (!isSame(withId(before, dialog.id), dialog)) this.#tellOfDialog(dialog)
    for (const dialog of before)
      if (withId(dialogs, dialog.id) === undefined)
        this.#tellOfDialog({ ...dialog, state: 'terminated' })
  }

  #tellOfDialog(dialog: WatchedDialog): void {
    for (const watcher of this.#watchers) watcher(dialog)
  }

  #tell(event: CallEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

function moodOf({ phase, record, legs }: CallState): Mood | undefined {
  if (phase === 'setup') return record.rangAt === undefined ? 'began' : 'ringing'
  if (phase !== 'up') return undefined
  return legs.some((leg) => leg.held) ? 'held' : 'answered'
}

/** Two or three at most. */
function withId(dialogs: readonly WatchedDialog[], id: string): WatchedDialog | undefined {
  for (const dialog of dialogs) if (dialog.id === id) return dialog
  return undefined
}

function isSame(a: WatchedDialog | undefined, b: WatchedDialog): boolean {
  return (
    a?.state === b.state && a.remote.uri === b.remote.uri && a.sip?.localTag === b.sip?.localTag
  )
}

function subscribe<T>(listeners: Set<(event: T) => void>, listener: (event: T) => void): Cancel {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
