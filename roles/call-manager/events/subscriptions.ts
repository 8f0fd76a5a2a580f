//! The table of live subscriptions: by dialog, by what is watched, by who watches, by deadline.
//! Pure. Class: recoverable (`snapshot.ts`).

import { deadline, DeadlineHeap, type Deadline } from '../../../src/base/heap.ts'
import type { Millis } from '../../../src/base/time.ts'
import type { Dialog, DialogId } from '../../../src/sip/dialog/dialog.ts'
import { notifierDeadline, type Notifier } from '../../../src/sip/dialog/notifier.ts'
import type { Hop } from '../call/state.ts'
import type { EventPackage } from './packages/package.ts'

/** One dialog holds one subscription (RFC 6665 §4.5.2), so its id names both. */
export type Subscription = {
  readonly id: DialogId
  /** What is watched. */
  readonly aor: string
  readonly package: EventPackage
  /** The Event value its NOTIFYs carry. */
  readonly event: string
  /** AOR of who watches. */
  readonly watcher: string
  dialog: Dialog
  notifier: Notifier
  /** NOTIFYs with a body so far. */
  version: number
  /** Where its last SUBSCRIBE came from; after a restart no more than the address is known. */
  hop: Hop
  /** Local CSeq in the last snapshot; undefined when there is none. */
  savedCseq: number | undefined
}

/** Who watches one AOR by one package, and what they were last shown. */
export type Watch = {
  readonly aor: string
  readonly package: EventPackage
  readonly subscriptions: Set<Subscription>
  /** The document as of version 0: a change that leaves it as it is notifies nobody. */
  shown: string
}

const NONE: ReadonlySet<Subscription> = new Set()

export class Subscriptions {
  readonly #byDialog = new Map<DialogId, Deadline<Subscription>>()
  /** By AOR, then by package name. */
  readonly #watches = new Map<string, Map<string, Watch>>()
  readonly #byWatcher = new Map<string, Set<Subscription>>()
  readonly #timers = new DeadlineHeap<Subscription>()

  get size(): number {
    return this.#byDialog.size
  }

  find(id: DialogId): Subscription | undefined {
    return this.#byDialog.get(id)?.owner
  }

  isWatched(aor: string): boolean {
    return this.#watches.has(aor)
  }

  watch(aor: string, event: string): Watch | undefined {
    return this.#watches.get(aor)?.get(event)
  }

  watchesOf(aor: string): Iterable<Watch> {
    return this.#watches.get(aor)?.values() ?? []
  }

  by(watcher: string): ReadonlySet<Subscription> {
    return this.#byWatcher.get(watcher) ?? NONE
  }

  /** `shown` is asked for when this is the first to watch. */
  add(subscription: Subscription, shown: () => string): void {
    const { id, aor, watcher } = subscription
    this.#byDialog.set(id, deadline(subscription))
    const others = this.#byWatcher.get(watcher)
    if (others === undefined) this.#byWatcher.set(watcher, new Set([subscription]))
    else others.add(subscription)
    let byEvent = this.#watches.get(aor)
    if (byEvent === undefined) this.#watches.set(aor, (byEvent = new Map()))
    const { name } = subscription.package
    const watch = byEvent.get(name)
    if (watch !== undefined) watch.subscriptions.add(subscription)
    else {
      const subscriptions = new Set([subscription])
      byEvent.set(name, { aor, package: subscription.package, subscriptions, shown: shown() })
    }
    this.schedule(subscription)
  }

  remove(subscription: Subscription): void {
    const { id, aor, watcher } = subscription
    const timer = this.#byDialog.get(id)
    if (timer === undefined) return
    this.#timers.remove(timer)
    this.#byDialog.delete(id)
    const others = this.#byWatcher.get(watcher)
    others?.delete(subscription)
    if (others?.size === 0) this.#byWatcher.delete(watcher)
    const byEvent = this.#watches.get(aor)
    const watch = byEvent?.get(subscription.package.name)
    watch?.subscriptions.delete(subscription)
    if (watch?.subscriptions.size === 0) byEvent?.delete(subscription.package.name)
    if (byEvent?.size === 0) this.#watches.delete(aor)
  }

  /** After every change of its notifier. */
  schedule(subscription: Subscription): void {
    const timer = this.#byDialog.get(subscription.id)
    if (timer !== undefined) this.#timers.set(timer, notifierDeadline(subscription.notifier))
  }

  deadline(): Millis | undefined {
    return this.#timers.first()?.at
  }

  /** The next one whose deadline has come; it must be scheduled anew, or removed. */
  due(now: Millis): Subscription | undefined {
    const first = this.#timers.first()
    return first !== undefined && first.at <= now ? first.owner : undefined
  }
}
