//! News of calls for whoever listens: events for other roles, dialogs for watchers (RFC 4235). Also
//! the index by AOR that `of` needs.

import type { Cancel, Subscribe } from '../../../../src/base/host.ts'
import type { CallEvent } from '../../../../src/control/call-control.ts'
import type { WatchedDialog, WatchedDialogs } from '../../events/watched-dialog.ts'
import type { LiveCall } from './live-call.ts'
import type { CallState } from '../state.ts'
import { aorsIn, watchedIn } from './watched.ts'

export type Mood = Exclude<CallEvent['kind'], 'ended'>

type Watcher = {
  readonly tell: (dialog: WatchedDialog) => void
  readonly isWatched: (aor: string) => boolean
}

export class CallNews implements WatchedDialogs {
  readonly #byAor = new Map<string, Set<LiveCall>>()
  readonly #watchers = new Set<Watcher>()
  readonly #listeners = new Set<(event: CallEvent) => void>()
  readonly events: Subscribe<CallEvent> = (listener) => subscribe(this.#listeners, listener)

  readonly changed: WatchedDialogs['changed'] = (tell, isWatched) =>
    subscribe(this.#watchers, { tell, isWatched })

  of(aor: string): readonly WatchedDialog[] {
    const found: WatchedDialog[] = []
    for (const live of this.#byAor.get(aor) ?? []) {
      const dialogs = watchedIn(live.machine.state)
      // Who asks is about to watch, and knows these from now on.
      live.told ??= dialogs
      for (const dialog of dialogs) if (dialog.aor === aor) found.push(dialog)
    }
    return found
  }

  /** Something in the call is another now. */
  update(live: LiveCall): void {
    const { state } = live.machine
    for (const aor of aorsIn(state)) if (!live.aors.includes(aor)) this.#list(live, aor)
    if (this.#isWatched(live)) this.#tellWatchers(live, watchedIn(state))
    else live.told = undefined
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
    if (this.#isWatched(live)) this.#tellWatchers(live, [])
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

  /** Most calls are watched by nobody: then there is nothing to find out. */
  #isWatched({ aors }: LiveCall): boolean {
    for (const { isWatched } of this.#watchers)
      for (const aor of aors) if (isWatched(aor)) return true
    return false
  }

  #tellWatchers(live: LiveCall, dialogs: readonly WatchedDialog[]): void {
    const before = live.told ?? []
    live.told = dialogs
    for (const dialog of dialogs)
      if (!isSame(withId(before, dialog.id), dialog)) this.#tellOfDialog(dialog)
    for (const dialog of before)
      if (withId(dialogs, dialog.id) === undefined)
        this.#tellOfDialog({ ...dialog, state: 'terminated' })
  }

  #tellOfDialog(dialog: WatchedDialog): void {
    for (const { tell } of this.#watchers) tell(dialog)
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

function subscribe<Listener>(listeners: Set<Listener>, listener: Listener): Cancel {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
